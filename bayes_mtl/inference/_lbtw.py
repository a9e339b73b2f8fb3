"""Loss-balanced task weighting."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights, check_epoch
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks


@dataclass(frozen=True)
class LBTW(AbstractTaskWeights):
    """Loss-balanced task weighting (Liu, Liang and Gitter, AAAI 2019, algorithm 1).

    A task's weight is ``(L / L0) ** power``, normalised to the mean 1, with ``L`` its loss on the batch and
    ``L0`` the one on the first batch of the epoch: tasks that still learn slowly count more. See
    `Evaluation.losses` for what a loss is. A task that the batch lacks keeps its last ratio.

    Parameters
    ----------
    power
        0 weighs all tasks equally.
    epoch
        Steps after which the first losses are taken anew; None for as many as one pass of the data has.
        With all data in one batch that is 1, and the weights stay equal: then choose a number.
    """

    power: float = 0.5
    epoch: int | None = None

    def __post_init__(self) -> None:
        if not self.power >= 0:
            raise InputError(message("power", "at least 0", self.power, "Try 0.5."))
        check_epoch(self.epoch)

    def start(self, tasks: Tasks) -> Memory:
        nothing = torch.zeros_like(tasks.counts)
        return Memory(
            first=torch.full_like(nothing, -torch.inf),  # of a log loss: until the task was seen in the epoch
            ratio=nothing,
            step=torch.zeros((), device=nothing.device),
            epoch=torch.tensor(float(self.epoch or tasks.epoch), device=nothing.device),
        )

    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        losses, present = evaluation.log_losses(), evaluation.present
        begins = memory["step"].remainder(memory["epoch"]) == 0
        first = torch.where(begins, torch.full_like(losses, -torch.inf), memory["first"])
        first = torch.where(present & first.isneginf(), losses, first)
        ratio = torch.where(present, losses - first, memory["ratio"])
        for name, value in (("first", first), ("ratio", ratio), ("step", memory["step"] + 1)):
            memory[name].copy_(value)
        return evaluation.tasks * (self.power * ratio).softmax(-1)
