"""Softmax gates, a set for each task."""

import torch
from torch import Tensor, nn

_MOST_TASKS = 64
"""Tasks up to which all tasks' gates come from one product, of which each observation takes its own."""


class TaskGates(nn.Module):
    """``softmax(W[task] x + b[task])`` over choices, with some closed.

    Parameters
    ----------
    tasks, choices, in_features
        Sizes.
    bias
        Whether there is ``b``, which starts at 0.
    """

    def __init__(self, tasks: int, choices: int, in_features: int, *, bias: bool) -> None:
        super().__init__()
        bound = in_features**-0.5
        self.weight = nn.Parameter(torch.empty(tasks, choices, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(tasks, choices)) if bias else None

    def of_all(self, x: Tensor, open: Tensor) -> Tensor:
        """Gates of every task at every row of ``x``, ``[rows, tasks, choices]``."""
        return _softmax(self._logits_of_all(x), open)

    def forward(self, x: Tensor, place: Tensor | None, task: Tensor, open: Tensor) -> Tensor:
        """Gates of each observation, ``[observations, choices]``.

        Parameters
        ----------
        x
            ``[rows, in_features]``.
        place
            ``[observations]``: row of each observation; None where observation ``i`` is row ``i``.
        task
            ``[observations]``.
        open
            ``[tasks, choices]`` bool.
        """
        tasks = self.weight.shape[0]
        if tasks <= _MOST_TASKS:
            place = torch.arange(len(task), device=task.device) if place is None else place
            logits = self._logits_of_all(x).flatten(0, 1).index_select(0, place * tasks + task)
        else:
            own = x if place is None else x.index_select(0, place)
            logits = (self.weight.index_select(0, task) @ own.unsqueeze(-1)).squeeze(-1)
            logits = logits if self.bias is None else logits + self.bias.index_select(0, task)
        return _softmax(logits, open.index_select(0, task))

    def _logits_of_all(self, x: Tensor) -> Tensor:
        logits = (x @ self.weight.flatten(0, 1).mT).unflatten(-1, self.weight.shape[:2])
        return logits if self.bias is None else logits + self.bias


def _softmax(logits: Tensor, open: Tensor) -> Tensor:
    # minus infinity, not 0: a softmax gives a logit of 0 a share
    return logits.masked_fill(~open, -torch.inf).softmax(-1)
