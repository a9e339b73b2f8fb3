"""Tasks that were fitted beside tasks that were not, at the same draws."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.model import Program
from bayes_mtl.posterior._new_tasks import new_dims, new_weights, standardised_features, task_sites

NewTask = bool | Literal["all"]


def asked(
    program: Program,
    draws: Mapping[str, Tensor],
    tasks: tuple[str, ...],
    new_task: NewTask,
    task_features: Any,
    seed: int,
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """Draws for ``tasks`` and the names of the new ones; without any, the draws of all fitted tasks."""
    new = _new(program, tasks, new_task)
    return (_beside(program, draws, tasks, new, task_features, seed) if new else draws), new


def features_of(
    program: Program, tasks: tuple[str, ...], new: tuple[str, ...], task_features: Any
) -> Tensor | None:
    """Standardised features of ``tasks``: those of fitted ones are those of the fit."""
    found = standardised_features(program, new, _of_new(tasks, new, task_features))
    if found is None or len(new) == len(tasks) or program.task_features is None:
        return found
    fitted, order = _places(program, tasks, new)
    return torch.cat([program.task_features[fitted], found.to(program.task_features.dtype)])[order]


def _new(program: Program, tasks: tuple[str, ...], new_task: NewTask) -> tuple[str, ...]:
    """Which of ``tasks`` take their weights from the prior: none, those not fitted, or all."""
    if isinstance(new_task, str):
        if new_task != "all":
            remedy = "'all' predicts fitted tasks, too, as if they were not known."
            raise InputError(message("new_task", "True, False or 'all'", repr(new_task), remedy))
        return tasks
    fitted = set(program.schema.tasks)
    return tuple(name for name in tasks if name not in fitted) if new_task else ()


def _beside(
    program: Program,
    draws: Mapping[str, Tensor],
    tasks: tuple[str, ...],
    new: tuple[str, ...],
    task_features: Any,
    seed: int,
) -> dict[str, Tensor]:
    """Draws whose axis of tasks holds ``tasks``: those of ``new`` drawn given the others' draw, not anew."""
    dims = new_dims(program, new, _of_new(tasks, new, task_features))
    drawn = new_weights(program, draws, dims, seed)
    if len(new) == len(tasks):
        return drawn
    fitted, order = _places(program, tasks, new)
    beside = dict(drawn)
    for name in task_sites(program, draws):
        own, other = draws[name][:, fitted], drawn.get(name)
        if other is None or other.dim() != own.dim() or other.shape[1] != len(new):
            beside.pop(name, None)  # derived from the weights: nothing that predicts reads it
            continue
        other = other.expand(own.shape[0], *other.shape[1:]).to(own.dtype)
        beside[name] = torch.cat([own, other], 1)[:, order]
    return beside


def _places(program: Program, tasks: tuple[str, ...], new: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Positions of the fitted tasks in the fit, and of each task among these and then the new ones."""
    added = set(new)
    known = [name for name in tasks if name not in added]
    at = {name: i for i, name in enumerate((*known, *new))}
    fitted = program.schema.encode_tasks(np.array(known, dtype=object))
    return torch.as_tensor(fitted), torch.tensor([at[name] for name in tasks])


def _of_new(tasks: tuple[str, ...], new: tuple[str, ...], given: Any) -> Any:
    """The features of the new tasks, where those of all tasks were given in their order."""
    if len(new) == len(tasks) or given is None or np.ndim(given) != 2 or len(given) != len(tasks):
        return given
    added = set(new)
    kept = [i for i, name in enumerate(tasks) if name in added]
    if hasattr(given, "iloc"):
        return given if added <= {str(label) for label in given.index} else given.iloc[kept]
    return np.asarray(given)[kept]
