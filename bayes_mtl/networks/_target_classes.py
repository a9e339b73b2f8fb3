"""Classes of targets: their own, or parts of their range."""

import numpy as np
import torch
from torch import Tensor, nn

from bayes_mtl.data import TaskData


class TargetClasses(nn.Module):
    """Which class each observation is of; targets that are no classes are cut at quantiles of their task.

    Parameters
    ----------
    tasks, classes, bins
        Sizes; ``bins`` is the number of parts, at most ``classes``.

    Attributes
    ----------
    seen
        ``[tasks, classes]``: which a task has data for.
    edges
        ``[tasks, bins - 1]``: where the targets of a task are cut.
    own
        ``[tasks]``: whether the task's targets are classes themselves.
    """

    seen: Tensor
    edges: Tensor
    own: Tensor

    def __init__(self, tasks: int, classes: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("seen", torch.ones(tasks, classes, dtype=torch.bool))
        self.register_buffer("edges", torch.zeros(tasks, bins - 1))
        self.register_buffer("own", torch.zeros(tasks, dtype=torch.bool))

    def fill(self, first: int, data: TaskData, seen: Tensor) -> None:
        """Take over the tasks of ``data``, from position ``first`` on."""
        cuts = np.arange(1, self.edges.shape[1] + 1) / (self.edges.shape[1] + 1)
        for t in range(len(seen)):
            at = first + t
            self.own[at] = bool(seen[t].any())
            self.seen[at] = False
            if self.own[at]:
                width = min(seen.shape[1], self.seen.shape[1])
                self.seen[at, :width] = seen[t, :width].to(self.seen.device)
            else:
                targets = np.asarray(data.y[data.task == t], dtype=np.float64)
                self.edges[at] = torch.as_tensor(np.quantile(targets, cuts)).to(self.edges)
                parts = (targets[:, None] > self.edges[at].cpu().numpy()).sum(1)
                self.seen[at, torch.as_tensor(np.unique(parts))] = True

    def forward(self, y: Tensor, task: Tensor) -> Tensor:
        """``[observations]``: the class of each target."""
        highest = self.seen.shape[1] - 1
        part = (y.unsqueeze(-1) > self.edges[task]).sum(-1)
        return torch.where(self.own[task], y.long().clamp(0, highest), part)
