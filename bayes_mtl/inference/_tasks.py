"""What a rule for the network's gradient is told of the tasks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import TaskData
from bayes_mtl.model import Program


@dataclass(frozen=True, eq=False)
class Tasks:
    """The tasks of a fit.

    Attributes
    ----------
    names
        Of the tasks, in the order of the data.
    counts
        ``[tasks]``: observations of each.
    discrete
        ``[tasks]`` bool: whether its targets are classes or counts.
    epoch
        Steps in which the batches hold as many observations as there are.
    learning_rate
        Of the network, at the start.
    """

    names: tuple[str, ...]
    counts: Tensor
    discrete: Tensor
    epoch: int
    learning_rate: float

    @classmethod
    def of(cls, program: Program, data: TaskData, epoch: int, learning_rate: float) -> "Tasks":
        """The tasks of a program and its data."""
        device, number = program.used.device, len(data.schema.tasks)
        counts = torch.bincount(torch.as_tensor(data.task), minlength=number)
        discrete = torch.tensor(program.likelihood.discrete_tasks(number))
        return cls(data.schema.tasks, counts.float().to(device), discrete.to(device), epoch, learning_rate)
