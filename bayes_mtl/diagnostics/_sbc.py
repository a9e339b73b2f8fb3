"""Simulation-based calibration of any model and inference."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pyro
import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl._errors import BayesMTLError, InputError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._simulation_based_calibration import SimulationBasedCalibration
from bayes_mtl.diagnostics._test_quantities import named_entries, of_names
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._fit import choose
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.posterior._evaluate import distribution, total_log_likelihood

_LIKELIHOOD = "log likelihood"


def sbc(
    model: MultiTaskModel,
    data: TaskData,
    inference: AbstractInference | None = None,
    *,
    simulations: int = 100,
    draws: int = 99,
    quantities: Callable[[Posterior], Mapping[str, np.ndarray]] = named_entries,
    on_fit: Callable[[int, Posterior, TaskData], object] | None = None,
    seed: int = 0,
) -> SimulationBasedCalibration:
    """Fit a model to data sets simulated from itself, and rank the truth among the draws.

    Parameters
    ----------
    model
        Its prior, likelihood and settings; nothing is standardised, so that priors are on the data's own
        scale (a standardisation would look at the targets).
    data
        The design: inputs, tasks, offsets, trials, known noise. Its targets are not used.
    inference
        Whose draws are judged; default that of `fit`.
    simulations
        Number of simulated data sets, each fitted anew.
    draws
        Number of draws that each truth is ranked among, evenly over those of the fit. Draws of chains are
        correlated: the fit should have several times as many.
    quantities
        From a posterior, or from the truths of all simulations in the form of one, to ``[draws]`` by name. By
        default entries of every site that mean the same in every fit (not those of clusters or factors, whose
        labels are arbitrary), up to eight a site. The log-likelihood of all targets is always added: it sees
        errors that no single unknown shows.
    on_fit
        Called after every fit with its number, the posterior and the simulated data.
    seed
        Of the simulations; fit ``i`` takes ``seed + 1 + i``.

    Returns
    -------
    SimulationBasedCalibration

    Raises
    ------
    UnsupportedError
        For priors that are no fixed joint distribution, flat ones that cannot be drawn from, networks, and
        data that are censored or weighted.
    InputError
        For numbers of simulations or draws below the least.

    Notes
    -----
    Of an approximation, such as `SVI`, ranks say how its intervals err on average over the prior: a U-shaped
    histogram is a posterior that is too narrow. Whether only its centres are right is asked by the column
    ``symmetric`` of the table (variational calibration).

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari and Gelman, Validating Bayesian inference algorithms with
    simulation-based calibration (2018). Modrák et al., Simulation-based calibration checking for Bayesian
    computation (Bayesian Analysis 2023): the log-likelihood as a quantity. Yao, Vehtari, Simpson and Gelman,
    Yes, but did it work? (ICML 2018): variational calibration.
    """
    for name, value in (("simulations", simulations), ("draws", draws)):
        if value < 2:
            raise InputError(message(name, "at least 2", value, "Try 100."))
    model = replace(model, standardize=False)
    _require(model, data)
    inference = inference or choose(model, data)
    program = model.program(data)
    with seeded(seed), local_parameters(), torch.no_grad():
        truth, targets, densities = _simulate(program, data, simulations)
    entries = quantities(truth)
    names = [name for name, values in entries.items() if np.ptp(values) > 0]
    true = np.column_stack([of_names(entries, names), densities])
    random, ranks, failed = np.random.default_rng(seed), [], {}
    for i in range(simulations):
        simulated = replace(data, y=targets[i])
        try:
            posterior = inference.run(model, simulated, seed=seed + 1 + i)
        except (BayesMTLError, ArithmeticError) as error:
            failed[i] = f"{type(error).__name__}: {error}"
            continue
        found = _ranked(posterior, simulated, quantities, names, draws)
        below, equal = (found < true[i]).sum(0), (found == true[i]).sum(0)
        ranks.append(below + random.integers(0, equal + 1))
        if on_fit is not None:
            on_fit(i, posterior, simulated)
    if not ranks:
        raise UnsupportedError(f"No fit succeeded. The first failed with {failed[0]}")
    return SimulationBasedCalibration(np.stack(ranks), (*names, _LIKELIHOOD), draws, failed)


def _require(model: MultiTaskModel, data: TaskData) -> None:
    require_fixed_joint(model.prior, model.network, "Simulation-based calibration")
    if model.network is not None:
        raise UnsupportedError("A network is trained and has no prior to simulate it from. Leave it out.")
    for name in ("censored", "weight"):
        if getattr(data, name) is not None:
            raise UnsupportedError(f"Targets cannot be simulated with a column {name}. Leave it out.")


def _simulate(program: Program, data: TaskData, simulations: int) -> tuple[Posterior, np.ndarray, np.ndarray]:
    """Truths as one posterior, targets ``[simulations, observations]``, and their log-likelihoods."""
    batch = program.batch(data)
    try:
        with poutine.block(), pyro.plate("draws", simulations, dim=-2):
            trace = poutine.trace(program.latents).get_trace(batch)
    except NotImplementedError as error:
        raise UnsupportedError("A flat prior has no draws. Give it a proper distribution.") from error
    latents = {
        name: _of_draws(site["value"], simulations)
        for name, site in trace.nodes.items()
        if site["type"] == "sample" and not site["is_observed"] and not poutine.util.site_is_subsample(site)
    }
    record = FitRecord("prior", {}, 0, "cpu", 0.0, observations=len(data))
    truth = build_posterior(program, latents, record)
    given = distribution(program, truth.draws, batch)
    y = given.sample()
    return truth, y.double().numpy(), given.log_prob(y).double().sum(-1).numpy()


def _of_draws(value: Tensor, number: int) -> Tensor:
    return value.expand(number, *value.shape[1:])


def _ranked(
    posterior: Posterior,
    data: TaskData,
    quantities: Callable[[Posterior], Mapping[str, np.ndarray]],
    names: list[str],
    draws: int,
) -> np.ndarray:
    """``[draws, quantities]`` of draws spread evenly over those of a fit."""
    if posterior.number < draws:
        raise InputError(
            message("draws", f"at most the fit's {posterior.number:,}", f"{draws:,}", "Ask for fewer.")
        )
    at = torch.linspace(0, posterior.number - 1, draws).round().long()
    chosen = replace(posterior, draws={name: value[at] for name, value in posterior.draws.items()})
    chosen = chosen.with_record(chains=1)
    batch = posterior.program.batch(data)
    densities = total_log_likelihood(posterior.program, chosen.draws, batch).double().numpy()
    return np.column_stack([of_names(quantities(chosen), names), densities])
