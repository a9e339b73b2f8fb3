"""Dynamic weight average."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.inference._abstract_task_weights import AbstractTaskWeights, check_epoch
from bayes_mtl.inference._evaluation import Evaluation
from bayes_mtl.inference._memory import Memory
from bayes_mtl.inference._tasks import Tasks

_LARGEST = 80.0
"""Logarithm of a ratio over the temperature whose exponential is still a float32."""


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
        nothing = torch.full_like(tasks.counts, -torch.inf)  # the logarithm of no loss
        return Memory(
            total=nothing,
            seen=torch.zeros_like(nothing),
            last=nothing.clone(),  # logarithm of an epoch's mean loss
            before=nothing.clone(),
            step=torch.zeros((), device=nothing.device),
            epoch=torch.tensor(float(self.epoch or tasks.epoch), device=nothing.device),
        )

    def weights(self, evaluation: Evaluation, memory: Memory) -> Tensor:
        total, seen, last, before = (memory[name] for name in ("total", "seen", "last", "before"))
        none = torch.zeros_like(seen)
        begins = memory["step"].remainder(memory["epoch"]) == 0
        mean = torch.where(seen > 0, total - seen.clamp(min=1.0).log(), last)
        last, before = torch.where(begins, mean, last), torch.where(begins, last, before)
        total, seen = torch.where(begins, none - torch.inf, total), torch.where(begins, none, seen)
        here = evaluation.present
        total = torch.where(here, torch.logaddexp(total, evaluation.log_losses()), total)
        seen = seen + here.to(seen.dtype)
        changed = {"total": total, "seen": seen, "last": last, "before": before, "step": memory["step"] + 1}
        for name, value in changed.items():
            memory[name].copy_(value)
        known = torch.isfinite(last) & torch.isfinite(before)
        ratio = torch.where(known, last - before, none) - math.log(self.temperature)
        return evaluation.tasks * ratio.clamp(max=_LARGEST).exp().softmax(-1)
