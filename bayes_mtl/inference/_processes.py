"""The processes that do a training together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bayes_mtl.data import Share
from bayes_mtl.data._share import WHOLE

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True, eq=False)
class Processes:
    """Every process holds all parameters and does its share of every batch; by default there is one alone.

    Attributes
    ----------
    fabric
        Lightning's, launched; None for one process.
    """

    fabric: "Fabric | None" = None

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.share.size > 1

    @property
    def first(self) -> bool:
        """Whether this is the one that shows and writes."""
        return self.share.rank == 0

    @property
    def share(self) -> Share:
        """What this one does of a batch."""
        return WHOLE if self.fabric is None else Share(self.fabric.global_rank, self.fabric.world_size)

    def total(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Sums over the processes, the same numbers in each; one message."""
        if not self.several:
            return list(values)
        flat = torch.cat([value.detach().reshape(-1) for value in values])
        # Fabric's own all_reduce waits for all processes once more before it begins.
        torch.distributed.all_reduce(flat)
        parts = flat.split([value.numel() for value in values])
        return [part.view_as(value) for part, value in zip(parts, values, strict=True)]

    def mean(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Means over the processes."""
        return [total / self.share.size for total in self.total(values)] if self.several else list(values)

    def of_first(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the first process has."""
        if self.fabric is None:
            return dict(values)
        told: dict[str, Tensor] = self.fabric.broadcast({name: value.cpu() for name, value in values.items()})
        return {name: told[name].to(value.device) for name, value in values.items()}


ALONE = Processes()
"""One process, for everything."""
