"""Weights of the tasks that stay as they are given."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks


@dataclass(frozen=True)
class StaticWeights(AbstractTaskWeights):
    """Task weights of your own for the network's gradient.

    Parameters
    ----------
    by_task
        Weight of each task, by name; 1 for those left out. They are taken as they are.
    """

    by_task: Mapping[str, float]

    def __post_init__(self) -> None:
        bad = {name: value for name, value in self.by_task.items() if not 0 <= value < np.inf}
        if bad:
            raise InputError(message("by_task", "finite weights of at least 0", bad, "Change them."))

    def start(self, tasks: Tasks) -> Memory:
        unknown = [name for name in self.by_task if name not in tasks.names]
        if unknown:
            raise InputError(
                message(
                    "by_task", f"tasks of the data ({', '.join(tasks.names[:5])})", unknown, "Rename them."
                )
            )
        values = [float(self.by_task.get(name, 1.0)) for name in tasks.names]
        return Memory(weights=torch.tensor(values, device=tasks.counts.device))

    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        return memory["weights"]
