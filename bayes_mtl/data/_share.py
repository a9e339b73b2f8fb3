"""The part of every batch that one of several processes takes."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bayes_mtl.data._batch import Batch


@dataclass(frozen=True)
class Share:
    """One of ``size`` equal parts of a batch, for one of as many processes.

    All parts have the same length, so that processes draw the same random numbers at every step; where a
    batch cannot be divided, places that are left repeat units with the factor 0. The other factors grow by
    ``size``: the mean of the parts' sums is the sum over the batch.

    Attributes
    ----------
    rank, size
        Which of how many. The default is the whole batch.
    """

    rank: int = 0
    size: int = 1

    def length(self, units: int) -> int:
        """Units of a batch of so many that each process gets."""
        return -(-units // self.size)

    def of(self, values: Tensor) -> Tensor:
        """Its own of the values ``[units, ...]`` of a batch."""
        return values if self.size == 1 else values.index_select(0, self._places(len(values)) % len(values))

    def factors(self, factor: Tensor) -> Tensor:
        """Its own of the factors ``[units]`` of a batch."""
        if self.size == 1:
            return factor
        counted = self._places(len(factor)) < len(factor)
        return self.of(factor) * (self.size * counted).to(factor.dtype)

    def of_batch(self, batch: Batch) -> Batch:
        """Its own part of a batch; observations of one row stay together where they can."""
        if self.size == 1:
            return batch
        places = torch.arange(batch.observations) if batch.row is None else batch.row.argsort(stable=True)
        part = batch.part(self.of(places))
        return replace(part, scale=part.scale * self.factors(torch.ones_like(batch.scale)))

    def _places(self, units: int) -> Tensor:
        length = self.length(units)
        return torch.arange(self.rank * length, (self.rank + 1) * length)


WHOLE = Share()
"""All of it, for one process."""
