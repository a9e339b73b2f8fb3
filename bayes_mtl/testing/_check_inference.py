"""The contract of an inference."""

from copy import deepcopy

import numpy as np
import pyro
import torch
from pyro.distributions import Normal
from torch import Tensor

from bayes_mtl._errors import InputTypeError, UnsupportedError, message
from bayes_mtl.data import TaskData
from bayes_mtl.inference import AbstractInference
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.networks import MLP
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import Independent, Pooled
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs

_TASKS, _ROWS, _NOISE = 3, 8, 0.5


def check_inference(inference: AbstractInference, *, tolerance: float = 0.15) -> None:
    """Check an inference of your own: one call that is worth a test file.

    It checks that

    - two posteriors with a closed form (independent tasks, and pooled ones, with known noise) are
      recovered: means and standard deviations of all weights;
    - the same seed gives the same draws, another seed others;
    - the caller's random numbers, Pyro's global parameters, the data, the model and its network are
      left as they were;
    - the record of the fit names the method and the seed, and its numbers are finite.

    Parameters
    ----------
    inference
        An instance whose settings suit a data set of 24 rows: it is run five times.
    tolerance
        Allowed error of means and standard deviations, in posterior standard deviations, beyond five
        Monte-Carlo standard errors.

    Raises
    ------
    CheckFailed
        On the first rule that is broken: what, expected, found, how to mend it.
    InputTypeError
        For what is not an inference.
    """
    if not isinstance(inference, AbstractInference):
        found, remedy = repr(inference), "Pass an instance of your class."
        raise InputTypeError(message("inference", "an instance of AbstractInference", found, remedy))
    subject, data = type(inference).__name__, _data()
    for prior in (Pooled(Normal(0.0, 1.0)), Independent(1.0)):
        model = MultiTaskModel(prior, Gaussian(noise="known"), standardize=False)
        posterior = _run(subject, inference, model, data, seed=3)
        _check_draws(subject, posterior, data, seed=3)
        _check_closed_form(subject, posterior, data, isinstance(prior, Pooled), tolerance)
    again = _run(subject, inference, model, data, seed=3)
    other = _run(subject, inference, model, data, seed=4)
    require(
        torch.equal(again.draws["weights"], posterior.draws["weights"]),
        f"{subject}: two runs with the same seed",
        "the same draws",
        "different ones",
        "Run inside 'with seeded(seed):', and set no seed elsewhere.",
    )
    require(
        not torch.equal(other.draws["weights"], posterior.draws["weights"]),
        f"{subject}: runs with different seeds",
        "different draws",
        "the same",
        "Use the seed that run is given.",
    )
    _check_network(subject, inference, data)


def _run(
    subject: str, inference: AbstractInference, model: MultiTaskModel, data: TaskData, seed: int
) -> Posterior:
    """Run it, and see that it leaves everything as it was."""
    copies = np.array(data.x), data.y.copy(), repr(model.prior), repr(model.likelihood), repr(inference)
    parameters = dict(pyro.get_param_store().items())
    with untouched(f"{subject}: run"), runs(f"{subject}: run", "Read the cause below."):
        posterior = inference.run(model, data, seed=seed)
    same = np.array_equal(data.x, copies[0]) and np.array_equal(data.y, copies[1])
    same = same and (repr(model.prior), repr(model.likelihood), repr(inference)) == copies[2:]
    require(same, f"{subject}: run", "data, model and settings as they were", "a change", "Work on copies.")
    after = dict(pyro.get_param_store().items())
    require(
        after.keys() == parameters.keys(),
        f"{subject}: Pyro's global parameters",
        "none of the fit's",
        sorted(after.keys() - parameters.keys()),
        "Run under pyro.settings.context(module_local_params=True).",
    )
    return posterior


def _check_draws(subject: str, posterior: Posterior, data: TaskData, seed: int) -> None:
    weights, record = posterior.draws["weights"], posterior.record
    expected = (weights.shape[0], _TASKS, 1 + data.x.shape[1], 1)
    require(
        tuple(weights.shape) == expected and bool(torch.isfinite(weights).all()),
        f"{subject}: the draws of the weights",
        f"finite numbers of shape {expected}",
        tuple(weights.shape),
        "Pass [draws, tasks or 1, *event] to build_posterior.",
    )
    finite = bool(np.isfinite(record.losses).all()) and record.seconds >= 0
    known = bool(record.method) and record.seed == seed and record.observations == len(data)
    require(
        finite and known,
        f"{subject}: the record of the fit",
        f"method, seed {seed}, {len(data)} observations and finite losses",
        f"{record.method!r}, {record.seed}, {record.observations} observations",
        "Fill in every field of FitRecord.",
    )


def _check_closed_form(
    subject: str, posterior: Posterior, data: TaskData, pooled: bool, tolerance: float
) -> None:
    draws = posterior.draws["weights"][..., 0].double()
    mean, sd = closed_form(data, pooled)
    error = 5.0 / draws.shape[0] ** 0.5 + tolerance
    name = "pooled" if pooled else "independent"
    for what, found, expected, allowed in (
        ("mean", draws.mean(0), mean, error),
        ("standard deviation", draws.std(0), sd, 5.0 / (2 * draws.shape[0]) ** 0.5 + tolerance),
    ):
        distance = ((found - expected).abs() / sd).max()
        require(
            float(distance) <= allowed,
            f"{subject}: posterior {what} of the weights of {name} tasks",
            f"that of the closed form within {allowed:.2f} posterior standard deviations",
            f"an error of {float(distance):.2f}",
            "Take more steps or draws, or a guide that can represent the posterior.",
        )


def closed_form(data: TaskData, pooled: bool) -> tuple[Tensor, Tensor]:
    """Posterior mean and sd of weights ~ N(0, 1) with known noise, ``[tasks, weights]`` each."""
    design = torch.as_tensor(np.column_stack([np.ones(len(data)), data.x]))
    y, task = torch.as_tensor(data.y), torch.as_tensor(data.task)
    means, sds = [], []
    for t in range(_TASKS):
        own = torch.ones_like(task, dtype=torch.bool) if pooled else task == t
        a = design[own] / _NOISE
        covariance = torch.linalg.inv(a.mT @ a + torch.eye(a.shape[1], dtype=a.dtype))
        means.append(covariance @ (a.mT @ (y[own] / _NOISE)))
        sds.append(covariance.diagonal().sqrt())
    return torch.stack(means), torch.stack(sds)


def _check_network(subject: str, inference: AbstractInference, data: TaskData) -> None:
    network = MLP(data.x.shape[1], (2,))
    before = deepcopy(network.state_dict())
    model = MultiTaskModel(Independent(1.0), Gaussian(), network=network)
    with runs(f"{subject}: run with a network", "Refuse networks with an UnsupportedError that says why."):
        try:
            inference.run(model, data_without_noise(data), seed=0)
        except UnsupportedError:
            return
    same = all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    require(
        same and model.network is network,
        f"{subject}: the network of the model",
        "the parameters it had",
        "others",
        "Train the copy that model.program(data) makes.",
    )


def _data() -> TaskData:
    random = np.random.default_rng(0)
    x = random.normal(size=(_TASKS * _ROWS, 1))
    task = np.arange(len(x)) % _TASKS
    y = 0.5 * task + (1.0 - task) * x[:, 0] + _NOISE * random.normal(size=len(x))
    return TaskData.from_arrays(x, y, task, noise=np.full(len(x), _NOISE))


def data_without_noise(data: TaskData) -> TaskData:
    """The same data for a likelihood that learns its noise."""
    return TaskData.from_arrays(data.x, data.y, data.task)
