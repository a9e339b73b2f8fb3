"""Rows of each task side by side, so that products with the weights of all tasks are matrix products."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class _Block:
    """Tasks of about the same number of rows; shorter ones are filled up.

    Attributes
    ----------
    tasks
        ``[tasks]``: which these are.
    design, squares
        ``[tasks, rows, features]``, and their products with one another, ``[tasks, rows, features^2]``.
    """

    tasks: Tensor
    design: Tensor
    squares: Tensor


class RowsByTask:
    """Observations in the order of their tasks, in blocks of tasks that have about as many of them.

    Parameters
    ----------
    design
        ``[observations, features]``.
    task
        ``[observations]``, the task of each.
    tasks
        Number of tasks, with observations or without.

    Attributes
    ----------
    order
        ``[cells]``: the observation in each cell; one of the task's again where a cell is empty.
    filled
        ``[cells]``: 1 where a cell holds an observation of its own, 0 where it is empty.
    """

    def __init__(self, design: Tensor, task: Tensor, tasks: int) -> None:
        counts = torch.bincount(task, minlength=tasks)
        sorted_rows = task.argsort(stable=True)
        first = counts.cumsum(0) - counts
        present = counts.nonzero().squeeze(-1)
        # Lengths within a factor of two stand together: fewer than half of the cells are empty.
        octave = counts[present].double().log2().ceil()
        self.tasks, self.size = tasks, design.shape[-1]
        self._blocks: list[_Block] = []
        orders, filled = [], []
        for power in octave.unique():
            members = present[octave == power]
            cell = torch.arange(int(counts[members].max()))
            own = cell < counts[members, None]
            index = sorted_rows[first[members, None] + torch.where(own, cell, 0)]
            rows = design[index]
            squares = (rows.unsqueeze(-1) * rows.unsqueeze(-2)).flatten(-2)
            self._blocks.append(_Block(members, rows, squares))
            orders.append(index.flatten())
            filled.append(own.flatten())
        self._position = torch.zeros(tasks, dtype=torch.long)
        if self._blocks:
            every = torch.cat([block.tasks for block in self._blocks])
            self._position[every] = 1 + torch.arange(len(present))
        self.order = torch.cat(orders) if orders else task
        self.filled = torch.cat(filled).to(design.dtype) if filled else design.new_zeros(0)

    def predictor(self, weights: Tensor) -> Tensor:
        """``[..., cells]`` of ``weights [..., tasks, features]``."""
        lead = weights.shape[:-2]
        flat = weights.reshape(-1, *weights.shape[-2:])
        parts = []
        for block in self._blocks:
            own = flat.index_select(1, block.tasks).transpose(0, 1)
            parts.append((own @ block.design.mT).transpose(0, 1).flatten(1))
        found = torch.cat(parts, -1) if parts else flat.new_zeros(len(flat), 0)
        return found.reshape(*lead, found.shape[-1])

    def sums(self, values: Tensor) -> Tensor:
        """``[..., tasks, features]``: over each task's cells, of ``values [..., cells]`` times features."""
        return self._summed(values, [block.design for block in self._blocks], self.size)

    def sums_of_squares(self, values: Tensor) -> Tensor:
        """``[..., tasks, features, features]``, of values times features' products."""
        found = self._summed(values, [block.squares for block in self._blocks], self.size**2)
        return found.unflatten(-1, (self.size, self.size))

    def totals(self, values: Tensor) -> Tensor:
        """``[..., tasks]``: sum over each task's cells."""
        ones = [block.design.new_ones(*block.design.shape[:2], 1) for block in self._blocks]
        return self._summed(values, ones, 1).squeeze(-1)

    def _summed(self, values: Tensor, factors: list[Tensor], width: int) -> Tensor:
        lead, at = values.shape[:-1], 0
        flat = values.reshape(lead.numel(), values.shape[-1])
        parts = [flat.new_zeros(len(flat), 1, width)]  # of tasks without rows
        for factor in factors:
            tasks, rows = factor.shape[:2]
            own = flat[:, at : at + tasks * rows].reshape(-1, tasks, rows).transpose(0, 1)
            at += tasks * rows
            parts.append((own @ factor).transpose(0, 1))
        found = torch.cat(parts, 1).index_select(1, self._position)
        return found.reshape(*lead, self.tasks, width)
