"""Sizes of a model, and the one helper that moves values from tasks to observations.

Every latent value keeps the *plate* axis of tasks (or a 1 in its place) directly left of its own
event axes. Under vectorised particles Pyro puts the particle axis left of that, so values sampled
inside and outside the plate of tasks broadcast against each other without any reshaping.
"""

from dataclasses import dataclass
from functools import cached_property

import pyro
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Dims:
    """Sizes that a prior or a likelihood needs to write its part of the program.

    Attributes
    ----------
    tasks, features, outputs
        Number of tasks (of the batch), of features that carry a weight (the intercept included),
        and of outputs per observation (1, or the number of classes).
    groups
        Group index of each feature, ``features`` long.
    task_features
        ``[tasks, task features]``, or None.
    intercept
        Whether feature 0 is the intercept.
    name
        Name of the plate of tasks.
    positions
        Which of all fitted tasks these are, where they are one kind among several; else empty.
    seen
        ``[tasks, outputs]``: which outputs a task has data for (its classes), or None where not known.
    state
        What the prior keeps outside of its sites, as `AbstractTaskPrior.state` made it; of the fitted tasks,
        also where these sizes describe new ones.
    all_tasks
        Number of all fitted tasks of this kind, ``tasks`` by default. A density that depends on the number of
        tasks takes this one: a batch may hold a part of them, and new tasks come one by one.
    """

    tasks: int
    features: int
    outputs: int = 1
    groups: tuple[int, ...] = ()
    task_features: Tensor | None = None
    intercept: bool = True
    name: str = "tasks"
    positions: tuple[int, ...] = ()
    seen: Tensor | None = None
    state: nn.Module | None = None
    all_tasks: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "all_tasks", self.all_tasks or self.tasks)

    @property
    def weights(self) -> tuple[int, int]:
        """Shape of one task's weights, ``(features, outputs)``."""
        return (self.features, self.outputs)

    def plate(self) -> pyro.plate:
        """The plate over tasks, at the batch axis next to the event axes; one object, entered at will."""
        return self._plate

    @cached_property
    def _plate(self) -> pyro.plate:
        # A second plate of the same name would be a second site of that name, which Pyro refuses.
        return pyro.plate(self.name, self.tasks, dim=-1)


def gather_tasks(value: Tensor, task: Tensor, tasks: int, event_dim: int) -> Tensor:
    """Values of each observation's task.

    Parameters
    ----------
    value
        ``[..., tasks, *event]``, or one value for all tasks: ``[..., 1, *event]`` or ``[*event]``.
    task
        ``[observations]``, the task of each observation.
    tasks
        Number of tasks.
    event_dim
        Number of event axes of ``value``.

    Returns
    -------
    Tensor
        ``[..., observations, *event]`` where ``value`` varies by task, else ``value`` itself,
        which broadcasts.
    """
    axis = -1 - event_dim
    if value.dim() <= event_dim or value.shape[axis] == 1 != tasks:
        return value
    return torch.index_select(value, value.dim() + axis, task)
