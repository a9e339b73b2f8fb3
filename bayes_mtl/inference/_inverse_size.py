"""Weights that make every task's mean loss count the same."""

from dataclasses import dataclass

from torch import Tensor

from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights, normalised
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks


@dataclass(frozen=True)
class InverseSize(AbstractTaskWeights):
    """Task weights inverse to the tasks' numbers of observations, with the mean 1.

    In the ELBO a task counts as often as it has observations; for the network's gradient this rule makes
    each task's mean log-likelihood count the same.
    """

    def start(self, tasks: Tasks) -> Memory:
        return Memory(weights=normalised(1.0 / tasks.counts.clamp(min=1.0)))

    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        return memory["weights"]
