"""Weights of tasks that were not fitted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.data._names import label_text, listed, suggestion
from bayes_mtl.model import Program
from bayes_mtl.posterior._kinds import AUXILIARY
from bayes_mtl.priors import at_draws

Result = TypeVar("Result")


def task_sites(program: Program, draws: Mapping[str, Tensor]) -> frozenset[str]:
    """Names of the sites that belong to single tasks: those with an axis of tasks."""
    tasks = len(program.schema.tasks)
    if tasks > 1:
        return frozenset(name for name, value in draws.items() if value.shape[1] == tasks)

    # Sizes do not tell an axis of one task from no such axis; the plates of the program do.
    def parts() -> poutine.Trace:
        return poutine.trace(_latents).get_trace(program)

    with torch.no_grad():
        nodes = at_draws(parts, draws).nodes
    names = {
        name
        for name, site in nodes.items()
        if site["type"] == "sample" and any(frame.dim == -1 for frame in site["cond_indep_stack"])
    }
    derived = {name for name, dims in program.prior.dim_names.items() if dims[:1] == ("task",)}
    return frozenset(draws) & (names | derived | {"weights"})


def _latents(program: Program) -> None:
    program.weights(program.task_features)
    program.likelihood.parameters(replace(program.dims(tasks=range(1)), name="observed_tasks"))


def shared_draws(program: Program, draws: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The draws of sites that do not belong to single tasks: all that a new task may know."""
    single = task_sites(program, draws)
    return {name: value for name, value in draws.items() if name not in single}


def known_draws(program: Program, draws: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The shared draws, and those of single tasks as ``fitted_`` and their name: so priors ask for them."""
    known = shared_draws(program, draws)
    single = {f"fitted_{name}": value.unsqueeze(1) for name, value in draws.items() if name not in known}
    return known | single


def new_dims(program: Program, tasks: tuple[str, ...], task_features: Any) -> Dims:
    """Sizes for new tasks, with their features standardised as the fitted ones were."""
    if program.kinds[0][0]:
        raise UnsupportedError(
            "Tasks of different kinds have no common population to draw a new task from. "
            "Fit the new task's kind alone, or fit again with its rows."
        )
    if getattr(program.network, "tasks", None) is not None:
        raise UnsupportedError(
            f"{type(program.network).__name__} has parameters of each task, and says nothing about a task "
            "that it was not trained on. Use a network that all tasks share (MLP) or one that is gated on "
            "features of the tasks (CARE), or fit again with the new task's rows."
        )
    if program.scaling.by_task:
        raise UnsupportedError(
            "Each task's targets were standardised by their own location and spread, and those of a new task "
            "are not known. Fit with units='shared', or fit again with the new task's rows."
        )
    features = standardised_features(program, tasks, task_features)
    dims = program.dims(tasks=range(len(tasks)))
    return replace(dims, task_features=features, name="new_tasks")


def new_weights(program: Program, draws: Mapping[str, Tensor], dims: Dims, seed: int) -> dict[str, Tensor]:
    """Draws in which the new tasks stand in for the fitted ones."""
    known, number = known_draws(program, draws), draws["weights"].shape[0]
    with seeded(seed), torch.no_grad():
        weights, sampled = at_draws(lambda: _sampled(lambda: program.prior.new_weights(dims)), known)
        _, own = at_draws(lambda: _sampled(lambda: program.likelihood.parameters(dims)), known)
    sampled = {name: value for name, value in sampled.items() if name not in AUXILIARY}
    return {**known, **sampled, **own, "weights": weights.expand(number, *weights.shape[-3:])}


def _sampled(part: Callable[[], Result]) -> tuple[Result, dict[str, Tensor]]:
    """What a part of the program returns, and the sites of the new tasks that it draws on the way."""
    with poutine.trace() as traced:
        result = part()
    return result, {
        name: site["value"]
        for name, site in traced.trace.nodes.items()
        if site["type"] == "sample" and not site["is_observed"] and not site_is_subsample(site)
    }


def standardised_features(program: Program, tasks: tuple[str, ...], given: Any) -> Tensor | None:
    """Features of new tasks, ``[tasks, task features]``, standardised as the fitted ones were; or None."""
    names = program.schema.task_features
    if not names:
        return None
    if given is None:
        raise InputError(
            message(
                "task_features", f"{len(names)} for each new task: {names}", "none", "Pass task_features=."
            )
        )
    if hasattr(given, "loc") and hasattr(given, "columns"):
        missing = [name for name in names if name not in given.columns]
        if missing:
            raise InputError(message("task_features", f"columns {names}", f"no {missing}", "Add them."))
        given = _by_name(given[list(names)], tasks)
    values = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if values.shape != (len(tasks), len(names)) or not np.isfinite(values).all():
        raise InputError(
            message(
                "task_features",
                f"finite numbers [{len(tasks)} new tasks, {len(names)} features]",
                f"shape {values.shape}",
                "Give one row for each new task, in the order in which they first appear.",
            )
        )
    scaled = (values - program.scaling.task_mean) / program.scaling.task_sd
    return torch.as_tensor(scaled).float()


def _by_name(frame: Any, tasks: tuple[str, ...]) -> Any:
    """The tasks' rows of a frame indexed by task; as they stand where its index only counts them."""
    labels = [label_text(label) for label in frame.index]
    missing = [task for task in tasks if task not in labels]
    if not missing:
        return frame.set_axis(labels).loc[list(tasks)]
    if frame.index.equals(frame.reset_index(drop=True).index) and len(missing) == len(tasks):
        return frame
    raise InputError(
        message(
            "task_features",
            "a row for each new task, indexed by its name",
            f"none for {listed(missing)} (index: {listed(labels)})",
            f"{suggestion(missing[0], labels)}Index the frame by task, or pass an array in their order.",
        )
    )
