"""The observations of each row, taken together."""

import numpy as np
import torch
from torch import Tensor


class RowGroups:
    """Expands a batch of rows to all of their observations, always to the same number.

    Parameters
    ----------
    position
        ``[observations]``: row of each observation, every row in ``range(rows)`` having some.
    size
        Rows a batch.
    replacement
        Whether a batch may hold a row any number of times.
    whole
        Rows of the batch that these are a part of; default: it is the batch.
    """

    def __init__(self, position: np.ndarray, size: int, replacement: bool, whole: int | None = None) -> None:
        counts = np.bincount(position)
        self._counts = torch.tensor(counts)
        self._first = torch.tensor(np.cumsum(counts) - counts)
        self._order = torch.tensor(np.argsort(position, kind="stable"))
        self._capacity = most_observations(counts, size, replacement, whole)

    def expand(self, rows: Tensor, factor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Observations, the place of their row in the batch, and factors, ``[capacity]`` each.

        Places that are left repeat the first row's first observation with the factor 0.
        """
        counts = self._counts[rows]
        total = int(counts.sum())
        place = torch.repeat_interleave(torch.arange(len(rows)), counts)
        within = torch.arange(total) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        row = torch.zeros(self._capacity, dtype=torch.int64)
        row[:total] = place
        start = torch.full((self._capacity,), int(self._first[rows[0]]))
        start[:total] = self._first[rows[place]] + within
        expanded = torch.zeros(self._capacity, dtype=factor.dtype)
        expanded[:total] = factor[place]
        return self._order[start], row, expanded


def most_observations(counts: np.ndarray, size: int, replacement: bool, whole: int | None = None) -> int:
    """Most observations that ``size`` rows of a batch of ``whole`` (by default ``size``) can have.

    Within an epoch rows differ; a batch that begins with the end of one epoch and goes on with the
    next may hold a row twice, at worst the largest half of them.
    """
    if replacement:
        return int(counts.max()) * size
    largest = np.cumsum(np.sort(counts)[::-1])
    if len(counts) % (whole or size) == 0:
        return int(largest[size - 1])
    half = size // 2
    return int(largest[size - half - 1]) + (int(largest[half - 1]) if half else 0)
