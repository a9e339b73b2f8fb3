"""The contract of a likelihood."""

import numpy as np
import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl import likelihoods
from bayes_mtl._errors import InputTypeError, message
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims, gather_tasks
from bayes_mtl.data import Batch, Scaling, TaskData, full_batch
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior._spec import decode, encode
from bayes_mtl.priors import Independent, at_draws
from bayes_mtl.testing._check_model import check_model
from bayes_mtl.testing._example_data import example_data
from bayes_mtl.testing._likelihood_density import check_draws
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs
from bayes_mtl.testing._site_draws import SiteDraws, draw_sites

_SHAPES = "Read the predictor as f[..., 0] and count axes from the right: leading axes are particles."


def check_likelihood(likelihood: AbstractLikelihood, data: TaskData | None = None) -> None:
    """Check a likelihood of your own: one call that is worth a test file.

    It checks that

    - `bind`, `location` and `working_response` fit together and give finite numbers;
    - the log-density is finite, with finite gradients in the predictor and in every parameter;
    - particles run together give the numbers of particles run one by one;
    - draws are possible under the density and follow it, and have the stated mean;
    - class probabilities sum to 1 and are those of the density;
    - all that `check_model` checks, in a model with independent tasks;
    - no random numbers but Pyro's are used;
    - of the library's own likelihoods, that a file can hold them.

    Parameters
    ----------
    likelihood
        An instance with the settings to check.
    data
        Some ten to a hundred observations that it can explain. By default the first of some small
        data sets (numbers, counts, classes, positive numbers; with trials, noise or censoring) that it
        accepts.

    Raises
    ------
    CheckFailed
        On the first rule that is broken: what, expected, found, how to mend it.
    InputTypeError
        For what is not a likelihood.
    """
    if not isinstance(likelihood, AbstractLikelihood):
        found, remedy = repr(likelihood), "Pass an instance of your class."
        raise InputTypeError(message("likelihood", "an instance of AbstractLikelihood", found, remedy))
    subject = type(likelihood).__name__
    data = example_data(likelihood) if data is None else data
    with runs(f"{subject}: binding it to data", "See AbstractLikelihood.bind."):
        bound = likelihood.bind(data)
        bound.check(data)
    _check_setup(subject, bound, data)
    _check_file(subject, bound)
    scaling = Scaling.fit(data, *bound.location(data))
    batch = full_batch(data, scaling)
    draws, dims = _check_parameters(subject, bound, data)
    f = _predictor(batch, draws.number)
    with torch.no_grad():
        values = at_draws(
            lambda: bound.parameters(dims), draws.values or {"_none": torch.zeros(draws.number, 1)}
        )
    with runs(
        f"{subject}: parameters of particles, by observation", "State the event axes of each in events."
    ):
        parameters = _gathered(bound, values, batch)
    _check_log_density(subject, bound, f, batch, parameters, draws, dims)
    check_draws(subject, bound, f, batch, parameters)
    check_model(MultiTaskModel(Independent(), likelihood), data)


def _check_setup(subject: str, likelihood: AbstractLikelihood, data: TaskData) -> None:
    with untouched(f"{subject}: bind, location and working_response"):
        outputs = likelihood.outputs(data)
        used = likelihood.task_outputs(data)
        shift, spread = likelihood.location(data)
        response = np.asarray(likelihood.working_response(data))
    tasks = len(data.schema.tasks)
    require(
        used.shape == (tasks,) and int(used.max()) == outputs and int(used.min()) >= 1,
        f"{subject}: task_outputs",
        f"{tasks} numbers from 1, the largest of them outputs(), {outputs}",
        used.tolist(),
        "Return the number of predictors of each task.",
    )
    for name, value in (("shift", shift), ("spread", spread)):
        require(
            value.shape == (tasks, outputs) and bool(np.isfinite(value).all()),
            f"{subject}: {name} of location",
            f"finite numbers of shape {(tasks, outputs)}",
            f"shape {value.shape}",
            "Return [tasks, outputs].",
        )
    require(
        bool((spread > 0).all()), f"{subject}: spread", "above 0", float(spread.min()), "Put 1 in place of 0."
    )
    require(
        response.shape == (len(data), outputs) and bool(np.isfinite(response).all()),
        f"{subject}: working_response",
        f"finite numbers of shape {(len(data), outputs)}",
        f"shape {response.shape}",
        "Return one rough standardised predictor for each observation and output.",
    )


def _check_file(subject: str, likelihood: AbstractLikelihood) -> None:
    if getattr(likelihoods, subject, None) is not type(likelihood):
        return
    with runs(f"{subject}: writing it to a file and reading it back", "Use settings of plain types."):
        again = encode(decode(encode(likelihood)))
    require(
        again == encode(likelihood) and "foreign" not in repr(again),
        f"{subject}: writing it to a file and reading it back",
        encode(likelihood),
        again,
        "Use settings of plain types and Pyro's own distributions.",
    )


def _check_parameters(subject: str, likelihood: AbstractLikelihood, data: TaskData) -> tuple[SiteDraws, Dims]:
    dims = Dims(
        tasks=len(data.schema.tasks),
        features=len(data.schema.weights),
        outputs=likelihood.outputs(data),
        intercept=data.schema.intercept,
    )
    rule = f"{subject}: parameters"
    with runs(rule, "See AbstractLikelihood.parameters."), untouched(rule, "numpy"):
        draws = draw_sites(likelihood.parameters, dims)
    return draws, dims


def _check_log_density(
    subject: str,
    likelihood: AbstractLikelihood,
    f: Tensor,
    batch: Batch,
    parameters: dict[str, Tensor],
    draws: SiteDraws,
    dims: Dims,
) -> None:
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    predictor = f.clone().requires_grad_()
    rule = f"{subject}: log-density of several particles at once"
    with runs(rule, _SHAPES):
        together = likelihood.distribution(predictor, batch, leaves).log_prob(batch.y)
        gradients = torch.autograd.grad(together.sum(), [predictor, *leaves.values()], allow_unused=True)
    expected = (draws.number, batch.observations)
    require(tuple(together.shape) == expected, rule, f"shape {expected}", tuple(together.shape), _SHAPES)
    require(
        bool(torch.isfinite(together).all()), rule, "finite numbers", "others", "Compute it in logarithms."
    )
    for name, gradient in zip(("the predictor", *leaves), gradients, strict=True):
        require(
            gradient is not None and bool(torch.isfinite(gradient).all()) and bool(gradient.ne(0).any()),
            f"{subject}: gradient in {name}",
            "finite numbers, not all 0",
            "none" if gradient is None else "others",
            "Use it, undetached, and keep clear of 0 in logarithms, roots and divisions.",
        )
    for draw in range(draws.number):
        with torch.no_grad(), runs(f"{subject}: log-density of one particle", _SHAPES), poutine.block():
            values = poutine.condition(likelihood.parameters, data=draws.one(draw))(dims)
            alone = likelihood.distribution(f[draw], batch, _gathered(likelihood, values, batch))
            density = alone.log_prob(batch.y)
        found = tuple(density.shape)
        require(
            found == expected[1:], f"{subject}: log-density of one particle", expected[1:], found, _SHAPES
        )
        difference = (together[draw].detach() - density).abs()
        # float32 in another order
        close = bool((difference <= 1e-4 * (1 + density.abs())).all())
        require(close, rule, "that of one by one", f"a difference of {float(difference.max()):.3g}", _SHAPES)


def _gathered(likelihood: AbstractLikelihood, values: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Parameters as the model hands them to `distribution`."""
    events = likelihood.events
    return {
        name: gather_tasks(value, batch.task, batch.tasks, events.get(name, 0))
        for name, value in values.items()
    }


def _predictor(batch: Batch, draws: int) -> Tensor:
    """Predictors of spread 1 on the standardised scale, ``[draws, observations, outputs]``."""
    with seeded(0):
        noise = torch.randn(draws, batch.observations, batch.shift.shape[1])
    f = batch.shift[batch.task] + batch.spread[batch.task] * noise
    return f if batch.offset is None else f + batch.offset.unsqueeze(-1)
