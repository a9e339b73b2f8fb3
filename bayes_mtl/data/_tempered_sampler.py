"""Tasks by a power of their size, so that small ones are seen more often."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data._abstract_sampler import AbstractSampler, check_state


class TemperedSampler(AbstractSampler):
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
