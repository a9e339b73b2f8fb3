"""Which units (observations or rows) come next, and by how much each counts."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message


class Sampler(Protocol):
    """Draws ``size`` units and the factor of each that keeps sums over all units unbiased."""

    def next(self) -> tuple[Tensor, Tensor]: ...

    def state(self) -> dict[str, Tensor]: ...

    def load_state(self, state: Mapping[str, Tensor]) -> None: ...


class EpochSampler:
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


class TemperedSampler:
    """Tasks with probability ``p_t`` proportional to ``n_t^(1/temperature)``, then a unit of the task.

    With replacement. A unit of task ``t`` has the factor ``n_t / (size p_t)``: the temperature changes
    how often small tasks are seen, not what is estimated.
    """

    def __init__(self, unit_task: np.ndarray, temperature: float, size: int, seed: int) -> None:
        counts = np.bincount(unit_task)
        powers = np.where(counts > 0, counts.astype(np.float64) ** (1 / temperature), 0.0)
        probability = powers / powers.sum()
        factor = np.divide(counts, size * probability, out=np.zeros(len(counts)), where=counts > 0)
        self._size = size
        self._counts, self._first = torch.tensor(counts), torch.tensor(np.cumsum(counts) - counts)
        self._probability, self._factor = torch.tensor(probability), torch.tensor(factor)
        self._units = torch.tensor(np.argsort(unit_task, kind="stable"))
        self._generator = torch.Generator().manual_seed(seed)

    def next(self) -> tuple[Tensor, Tensor]:
        task = torch.multinomial(self._probability, self._size, replacement=True, generator=self._generator)
        uniform = torch.rand(self._size, generator=self._generator, dtype=torch.float64)
        counts = self._counts[task]
        # u < 1 but u * n may round up to n
        place = torch.minimum((uniform * counts).long(), counts - 1)
        return self._units[self._first[task] + place], self._factor[task]

    def state(self) -> dict[str, Tensor]:
        return {
            "generator": self._generator.get_state(),
            "sizes": torch.tensor([len(self._units), self._size]),
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        check_state(state, self.state())
        self._generator.set_state(state["generator"].cpu())


def check_state(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Refuse a state of other minibatches."""
    same = set(state) == set(own) and all(
        isinstance(state[name], Tensor) and state[name].shape == own[name].shape for name in own
    )
    if not same or not torch.equal(state["sizes"].cpu(), own["sizes"]):
        raise InputError(
            message(
                "state",
                "the state of minibatches with the same data, size and temperature",
                "another one",
                "Build the minibatches as they were when the state was saved.",
            )
        )
