"""Task balancing: one weight a task for the network's gradient."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_module_gradient import AbstractModuleGradient
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks


class AbstractTaskWeights(AbstractModuleGradient):
    """A rule that multiplies what each task contributes to the network's gradient."""

    @abstractmethod
    def start(self, tasks: Tasks) -> Memory:
        """What the rule keeps."""

    @abstractmethod
    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        """Weight of each task on this batch, ``[tasks]``; changes ``memory`` in place."""

    def memory(self, tasks: Tasks) -> nn.Module:
        return self.start(tasks)

    def gradients(self, evaluation: Evaluation, memory: nn.Module | None) -> Sequence[Tensor]:
        with torch.no_grad():
            weights = self.weights(evaluation, memory if isinstance(memory, Memory) else Memory())
        return evaluation.pull(weights.index_select(0, evaluation.batch.task))


def normalised(weights: Tensor) -> Tensor:
    """With the mean 1."""
    return weights / weights.mean()


def check_epoch(epoch: int | None) -> None:
    """Refuse an epoch of less than a step."""
    if epoch is not None and epoch < 1:
        raise InputError(message("epoch", "at least 1 step, or None", epoch, "Leave it out."))
