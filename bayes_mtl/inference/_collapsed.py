"""Inference with the weights integrated out."""

import time
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._map import MAP
from bayes_mtl.inference._marginal_program import MarginalProgram
from bayes_mtl.inference._number_of_draws import number_of_draws, require_draws
from bayes_mtl.inference._nuts import NUTS
from bayes_mtl.inference._population_monte_carlo import PopulationMonteCarlo
from bayes_mtl.inference._shared_weights import shared_weights
from bayes_mtl.inference._singular import singular_explained
from bayes_mtl.inference._sites import latent_sites
from bayes_mtl.inference._start import start_from
from bayes_mtl.inference._svi import SVI
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior
from bayes_mtl.priors import at_draws

_LARGEST = 1 << 20  # numbers a chunk works on: about what a cache holds
_OF_ROWS = (
    *("batch_size", "temperature", "schedule", "device", "devices", "num_nodes", "checkpoint"),
    *("validation", "network"),
)
"""Settings of SVI that mean nothing without rows, or without a network that is trained."""
FEW, _QUICK = 20, 5_000
"""Hyperparameters, and numbers in the tasks' matrices, up to which exact draws take some seconds at most."""
_TINY, _ROUNDS = 1_000, (10, 5)
"""Numbers in the tasks' matrices up to which a round takes next to nothing; rounds up to it, and beyond."""


@dataclass(frozen=True)
class Collapsed(AbstractInference):
    """Weights integrated out exactly; hyperparameters by optimisation, importance sampling, SVI or NUTS.

    For Gaussian likelihoods, without a network or with a `Frozen` one, and priors that are Gaussian given
    their hyperparameters. The data enter through per-task sums of products, so a step costs the same for a
    thousand rows and for a million; a `TaskTable` has them computed where its rows are. A population's mean
    with a Gaussian prior and the weights of fixed features are integrated out as well, and drawn exactly.

    Parameters
    ----------
    hyperparameters
        How the hyperparameters' posterior is found: `PopulationMonteCarlo` (exact, for some twenty), `MAP`
        (type II, with a Laplace approximation where it is cheap), `SVI` (a guide of your own has the mean
        among its sites) or `NUTS`. By default the first where up to 20 are left and the tasks' systems of
        equations hold no more than 5,000 numbers, and `MAP` beyond, or where the first finds that its draws
        cannot be trusted. What was integrated out is then drawn exactly given each draw.
    draws
        Draws to keep with `MAP`, by default, or without any hyperparameters; else theirs. Default 1,000,
        or fewer (at least 100) where draws of all tasks' weights would take more than 0.4 GB.

    References
    ----------
    Bakker and Heskes, Task clustering and gating for Bayesian multitask learning (JMLR 2003): the evidence of
    a task; MacKay, Bayesian interpolation (Neural Computation 1992): type II.
    """

    hyperparameters: MAP | PopulationMonteCarlo | SVI | NUTS | None = None
    draws: int | None = None

    def __post_init__(self) -> None:
        require_draws(self.draws)
        if self.hyperparameters is None:
            return
        if not isinstance(self.hyperparameters, (MAP, PopulationMonteCarlo, SVI, NUTS)):
            expected = "MAP(), PopulationMonteCarlo(), SVI() or NUTS()"
            raise InputError(message("hyperparameters", expected, repr(self.hyperparameters), "Choose one."))
        for f in fields(self.hyperparameters):
            found = getattr(self.hyperparameters, f.name)
            if f.name in _OF_ROWS and found != f.default:
                raise InputError(
                    message(
                        f"hyperparameters={type(self.hyperparameters).__name__}",
                        f"no {f.name} (rows enter once, as sums: a step is cheap, and no network is trained)",
                        repr(found),
                        "Leave it out, or use SVI without Collapsed.",
                    )
                )

    def run(self, model: MultiTaskModel, data: TaskData | TaskTable, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        with seeded(seed), local_parameters(), singular_explained():
            program = model.program(data)
            collapsed = CollapsedProgram(program, data)
            values = start_from(program, [collapsed.statistics])
            number = number_of_draws(self.draws, collapsed.dims.tasks * collapsed.dims.features)
            hyper = self._program(collapsed)
            name, found, tried = self._hyperparameters(hyper, values, number)
            latents = _with_weights(collapsed, hyper, found, number)
            record = FitRecord(
                method=f"Collapsed({name})",
                settings={**self.described(), **tried},
                seed=seed,
                device="cpu",
                seconds=time.perf_counter() - began,
                losses=found.losses,
                stopped=found.stopped,
                observations=len(data),
                log_weights=found.log_weights,
                chains=found.chains,
                divergences=found.divergences,
                gradient=found.gradient,
            )
            posterior = build_posterior(program, latents, record)
        return posterior.with_record(seconds=time.perf_counter() - began)

    def _program(self, collapsed: CollapsedProgram) -> CollapsedProgram | MarginalProgram:
        """Whose sites are found: a user's own guide names all of them, else as few as can be."""
        if isinstance(self.hyperparameters, SVI) and self.hyperparameters.guide is not None:
            return collapsed
        sites = shared_weights(collapsed.program, collapsed.prior, collapsed.dims)
        if sites is None:
            return collapsed
        found = MarginalProgram(collapsed, sites)
        return found if sites or found.numbers < collapsed.numbers else collapsed

    def _hyperparameters(
        self, program: CollapsedProgram | MarginalProgram, values: dict[str, Tensor], number: int
    ) -> tuple[str, LatentDraws, dict[str, str]]:
        """What found them, their draws, and what was tried before in vain."""
        chosen, tried = self.hyperparameters, dict[str, str]()
        sites = latent_sites(program, (), values)
        if not sites:
            return type(chosen or MAP()).__name__, LatentDraws({}, stopped="closed form"), tried
        if chosen is None:
            size = sum(site.count for site in sites)
            if size <= FEW and program.numbers <= _QUICK:
                rounds = _ROUNDS[program.numbers > _TINY]
                few = PopulationMonteCarlo(draws=number, rounds=rounds, progress=False)
                try:
                    return type(few).__name__, few.sample(program, (), values), tried
                except UnsupportedError as error:
                    tried = {"tried": str(error)}
            chosen = MAP()
        if isinstance(chosen, MAP) or (not isinstance(chosen, NUTS) and chosen.draws is None):
            chosen = replace(chosen, draws=number)
        return type(chosen).__name__, chosen.sample(program, (), values), tried


def _with_weights(
    collapsed: CollapsedProgram, hyper: CollapsedProgram | MarginalProgram, found: LatentDraws, draws: int
) -> dict[str, Tensor]:
    """The hyperparameters' draws, each with an exact draw of the weights given it; ``draws`` of a mode."""
    values = found.values or {"_none": torch.zeros(1, 1)}
    number = next(iter(values.values())).shape[0]
    repeats = draws if number == 1 else 1
    dims = collapsed.dims
    size = max(1, _LARGEST // max(hyper.numbers, dims.tasks * dims.features * repeats))
    parts: dict[str, list[Tensor]] = {}
    with torch.no_grad():
        for start in range(0, number, size):
            part = {name: value[start : start + size] for name, value in values.items()}
            if isinstance(hyper, MarginalProgram):
                drawn = hyper.draw(part, repeats)
            else:
                drawn = {"weights": _weights(hyper, part, repeats)}
            for name, value in drawn.items():
                parts.setdefault(name, []).append(value.unflatten(0, (repeats, -1)))
    drawn = {name: torch.cat(each, 1).flatten(0, 1) for name, each in parts.items()}
    kept = {name: value.repeat(repeats, *[1] * (value.dim() - 1)) for name, value in found.values.items()}
    return {**drawn, **kept, "weights": drawn["weights"]}


def _weights(program: CollapsedProgram, values: dict[str, Tensor], each: int) -> Tensor:
    """``[each * draws, tasks, features, 1]``."""
    count, dims = next(iter(values.values())).shape[0], program.dims
    evidence = at_draws(program.evidence, values)
    drawn = evidence.draw(each)
    if drawn.dim() == 3:  # the same for all draws of the hyperparameters
        drawn = evidence.draw(each * count)
    return drawn.reshape(each * count, dims.tasks, dims.features, 1)
