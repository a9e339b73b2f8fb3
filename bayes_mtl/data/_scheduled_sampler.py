"""A task by its probability at the step, then a unit of the task."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data._abstract_sampler import AbstractSampler, check_state
from bayes_mtl.data._abstract_schedule import AbstractSchedule


class ScheduledSampler(AbstractSampler):
    """Tasks with the probabilities of a schedule, then a unit of the task, with replacement.

    With ``p_t`` the mean probability of task ``t`` over a cycle of steps, each of its ``n_t`` units has the
    factor ``n_t / (size p_t)``, which makes the sum over a cycle unbiased.
    """

    def __init__(
        self, schedule: AbstractSchedule, unit_task: np.ndarray, names: Sequence[str], size: int, seed: int
    ) -> None:
        counts = np.bincount(unit_task, minlength=len(names))
        self._schedule, self._names, self._number = schedule, names, counts
        self._cycle, self._step = schedule.cycle(counts), 0
        mean = sum(self._at(step) for step in range(self._cycle)) / self._cycle
        factor = np.divide(counts, size * mean, out=np.zeros(len(counts)), where=counts > 0)
        self._size = size
        self._counts, self._first = torch.tensor(counts), torch.tensor(np.cumsum(counts) - counts)
        self._factor = torch.tensor(factor)
        self._units = torch.tensor(np.argsort(unit_task, kind="stable"))
        self._generator = torch.Generator().manual_seed(seed)

    def _at(self, step: int) -> np.ndarray:
        """``[tasks]``: probabilities at a step of a cycle."""
        found = np.where(self._number > 0, self._schedule.probabilities(step, self._names, self._number), 0.0)
        share: np.ndarray = found / found.sum()
        return share

    def next(self) -> tuple[Tensor, Tensor]:
        probability = torch.tensor(self._at(self._step))
        self._step = (self._step + 1) % self._cycle
        task = torch.multinomial(probability, self._size, replacement=True, generator=self._generator)
        uniform = torch.rand(self._size, generator=self._generator, dtype=torch.float64)
        counts = self._counts[task]
        # u < 1 but u * n may round up to n
        place = torch.minimum((uniform * counts).long(), counts - 1)
        return self._units[self._first[task] + place], self._factor[task]

    def state(self) -> dict[str, Tensor]:
        return {
            "generator": self._generator.get_state(),
            "step": torch.tensor(self._step),
            "sizes": torch.tensor([len(self._units), self._size, self._cycle]),
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        check_state(state, self.state())
        self._generator.set_state(state["generator"].cpu())
        self._step = int(state["step"])
