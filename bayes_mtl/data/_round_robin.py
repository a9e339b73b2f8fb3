"""One task a step, in turn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_mtl.data._abstract_schedule import AbstractSchedule


@dataclass(frozen=True)
class RoundRobin(AbstractSchedule):
    """Every step has observations of one task only, and the tasks take turns.

    An observation of task ``t`` counts ``T n_t / size`` times, so that means over ``T`` steps are unbiased.
    Single steps are not, and their gradients differ more than those of mixed batches.
    """

    def cycle(self, counts: np.ndarray) -> int:
        return int((counts > 0).sum())

    def probabilities(self, step: int, names: Sequence[str], counts: np.ndarray) -> np.ndarray:
        found = np.zeros(len(counts))
        found[np.flatnonzero(counts)[step]] = 1.0
        return found
