"""Dynamic weight average."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights, check_epoch
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks


@dataclass(frozen=True)
class DWA(AbstractTaskWeights):
    """Dynamic weight average (Liu, Johns and Davison, CVPR 2019, equation 7).

    A task's weight is ``softmax(r / temperature)`` times the number of tasks, with ``r`` its mean loss over
    the last epoch divided by the one over the epoch before: tasks whose loss falls slowly count more. The
    weights are equal for the first two epochs. See `Evaluation.losses` for what a loss is.

    Parameters
    ----------
    temperature
        Large values even the weights out.
    epoch
        Steps an epoch; None for as many as one pass of the data has.
    """

    temperature: float = 2.0
    epoch: int | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise InputError(message("temperature", "above 0", self.temperature, "Try 2."))
        check_epoch(self.epoch)

    def start(self, tasks: Tasks) -> Memory:
        nothing = torch.zeros_like(tasks.counts)
        return Memory(
            total=nothing,
            seen=nothing.clone(),
            last=nothing.clone(),  # mean loss of an epoch; 0 for none
            before=nothing.clone(),
            step=torch.zeros((), device=nothing.device),
            epoch=torch.tensor(float(self.epoch or tasks.epoch), device=nothing.device),
        )

    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        total, seen, last, before = (memory[name] for name in ("total", "seen", "last", "before"))
        none = torch.zeros_like(total)
        begins = memory["step"].remainder(memory["epoch"]) == 0
        mean = torch.where(seen > 0, total / seen.clamp(min=1.0), last)
        last, before = torch.where(begins, mean, last), torch.where(begins, last, before)
        total, seen = torch.where(begins, none, total), torch.where(begins, none, seen)
        here = evaluation.present.to(total.dtype)
        total, seen = total + here * evaluation.losses(), seen + here
        changed = {"total": total, "seen": seen, "last": last, "before": before, "step": memory["step"] + 1}
        for name, value in changed.items():
            memory[name].copy_(value)
        known = (last > 0) & (before > 0)
        ratio = torch.where(known, last / torch.where(known, before, torch.ones_like(before)), 1.0 + none)
        return evaluation.tasks * (ratio / self.temperature).softmax(-1)
