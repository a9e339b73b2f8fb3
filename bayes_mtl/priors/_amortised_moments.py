"""Classifiers read off the average features of their class: one small network for all tasks and classes."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bayes_mtl._shapes import Dims

if TYPE_CHECKING:
    from bayes_mtl.data import Batch

_FIRST_SD, _SLOWEST = 0.1, 0.1


class AmortisedMoments(nn.Module):
    """Mean and standard deviation of every task's weights for a class, from that class's average features.

    Of a single output it is the average of the features times the standardised target.

    Parameters
    ----------
    dims
        Sizes.
    hidden
        Width of the hidden layer.

    Attributes
    ----------
    averages
        ``[tasks, outputs, features]``, over the training data; of mini-batches a running average. Detached:
        the features are trained by the likelihood alone.
    """

    averages: Tensor
    updates: Tensor
    place: Tensor

    def __init__(self, dims: Dims, hidden: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first, last = nn.Linear(dims.features, hidden), nn.Linear(hidden, 2 * dims.features)
        with torch.no_grad():
            last.weight[dims.features :] *= 0.1
            last.bias[dims.features :] = torch.tensor(_FIRST_SD).log()
        self.layers = nn.Sequential(first, nn.Tanh(), last)
        self.register_buffer("averages", torch.zeros(dims.tasks, dims.outputs, dims.features))
        self.register_buffer("updates", torch.zeros(dims.tasks, dims.outputs))
        self._positions = dims.positions

    def update(self, features: Tensor, batch: "Batch") -> None:
        """Take in the features of a batch, ``[observations, features]``."""
        with torch.no_grad():
            task, weight = self._own(batch)
            tasks, outputs = self.updates.shape
            if outputs > 1:
                place, value = task * outputs + self._label(batch, outputs), features
            else:
                spread = batch.spread[:, 0].index_select(0, batch.task)
                shift = batch.shift[:, 0].index_select(0, batch.task)
                target = torch.zeros_like(shift) if batch.y is None else (batch.y - shift) / spread
                place, value = task, features * target.unsqueeze(-1)
            total = weight.new_zeros(tasks * outputs).index_add(0, place, weight).reshape(tasks, outputs)
            sums = value.new_zeros(tasks * outputs, value.shape[-1])
            sums = sums.index_add(0, place, weight.unsqueeze(-1) * value).reshape(self.averages.shape)
            average = sums / total.clamp_min(torch.finfo(total.dtype).tiny).unsqueeze(-1)
            there = (total > 0).to(average.dtype)
            share = there / (1.0 + self.updates).clamp(max=1.0 / _SLOWEST)
            self.averages.copy_(torch.lerp(self.averages, average, share.unsqueeze(-1)))
            self.updates.add_(there)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Means and log standard deviations, ``[tasks, features, outputs]``."""
        mean, log_sd = self.layers(self.averages).mT.chunk(2, -2)
        return mean, log_sd

    def _own(self, batch: "Batch") -> tuple[Tensor, Tensor]:
        """Position of each observation's task among those of this kind, and its weight, 0 for others."""
        if not self._positions:
            return batch.task, batch.scale
        mine = torch.tensor(self._positions, device=batch.task.device)
        same = batch.task.unsqueeze(-1) == mine
        return same.long().argmax(-1), batch.scale * same.any(-1)

    def _label(self, batch: "Batch", outputs: int) -> Tensor:
        if batch.y is None:
            return torch.zeros_like(batch.task)
        return batch.y.long().clamp(0, outputs - 1)
