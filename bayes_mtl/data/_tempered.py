"""Tasks by a power of their size, so that small ones are seen more often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_mtl.data._abstract_schedule import AbstractSchedule


@dataclass(frozen=True)
class Tempered(AbstractSchedule):
    """Tasks with probability proportional to ``count^(1/temperature)``."""

    temperature: float

    def probabilities(self, step: int, names: Sequence[str], counts: np.ndarray) -> np.ndarray:
        powers: np.ndarray = counts.astype(np.float64) ** (1 / self.temperature)
        return powers
