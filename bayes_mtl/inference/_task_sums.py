"""Sums over the rows of each task, as the evidence needs them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import Statistics


@dataclass(frozen=True, eq=False)
class TaskSums:
    """Sums over the rows of each task with the effect of the fixed features taken out; see `Statistics`."""

    xx: Tensor
    xy: Tensor
    yy: Tensor
    n: Tensor
    log_precision: Tensor

    @classmethod
    def without_fixed(cls, statistics: Statistics, size: int, fixed: Tensor | None) -> "TaskSums":
        """The first ``size`` features' sums, of what ``fixed [..., 1, fixed features, 1]`` leaves over."""
        xx, xy, yy = statistics.xx[..., :size, :size], statistics.xy[..., :size], statistics.yy
        if fixed is not None:
            effect = fixed.squeeze(-1).to(xx.dtype)
            cross, own = statistics.xx[:, :size, size:], statistics.xx[:, size:, size:]
            yy = yy - 2 * (effect * statistics.xy[:, size:]).sum(-1)
            yy = yy + (effect * (own @ effect.unsqueeze(-1)).squeeze(-1)).sum(-1)
            xy = xy - (cross @ effect.unsqueeze(-1)).squeeze(-1)
        return cls(xx, xy, yy, statistics.n, statistics.log_precision)

    def without_rows(self, task: int) -> "TaskSums":
        """The same tasks, one of them without any rows."""
        keep = torch.ones(self.n.shape[-1], dtype=self.n.dtype, device=self.n.device)
        keep[task] = 0
        return TaskSums(
            self.xx * keep[:, None, None],
            self.xy * keep[:, None],
            self.yy * keep,
            self.n * keep,
            self.log_precision * keep,
        )
