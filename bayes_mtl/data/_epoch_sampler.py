"""Every unit once an epoch."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bayes_mtl.data._abstract_sampler import AbstractSampler, check_state


class EpochSampler(AbstractSampler):
    """Every unit once an epoch, in random order.

    What is left at the end of an epoch, fewer than ``size`` units, opens the next batch, so that all
    batches have one shape. Each place of a batch is uniform over the units, so the factor is
    ``units / size``.
    """

    def __init__(self, units: int, size: int, seed: int) -> None:
        self._units, self._size = units, size
        self._factor = torch.full((size,), units / size, dtype=torch.float64)
        self._generator = torch.Generator().manual_seed(seed)
        self._begin()

    def _begin(self) -> None:
        # The permutation is drawn again from this state on resume: a checkpoint stays small.
        self._begun = self._generator.get_state()
        self._order = torch.randperm(self._units, generator=self._generator)
        self._position = 0

    def next(self) -> tuple[Tensor, Tensor]:
        taken = self._order[self._position : self._position + self._size]
        self._position += self._size
        if len(taken) < self._size:
            lacking = self._size - len(taken)
            self._begin()
            taken = torch.cat([taken, self._order[:lacking]])
            self._position = lacking
        return taken, self._factor

    def state(self) -> dict[str, Tensor]:
        return {
            "generator": self._begun,
            "position": torch.tensor(self._position),
            "sizes": torch.tensor([self._units, self._size]),
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        check_state(state, self.state())
        self._generator.set_state(state["generator"].cpu())
        self._begin()
        self._position = int(state["position"])
