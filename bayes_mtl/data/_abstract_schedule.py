"""Which tasks a step's observations come from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np


class AbstractSchedule(ABC):
    """Probabilities of the tasks at each step, as a frozen dataclass of settings.

    Observations are weighted by the inverse of how often they are drawn in a whole cycle of steps: a schedule
    changes which tasks are seen together and how often, not what is estimated.
    """

    def cycle(self, counts: np.ndarray) -> int:
        """Steps after which the probabilities are the same again.

        Parameters
        ----------
        counts
            ``[tasks]``: units (observations or rows) of each task, of which some may have none.
        """
        return 1

    @abstractmethod
    def probabilities(self, step: int, names: Sequence[str], counts: np.ndarray) -> np.ndarray:
        """``[tasks]``: in proportion to the probability that a unit of step ``step`` of a cycle is a task's.

        Over a cycle, every task with units has a positive one. Those without units are left out anyway.
        """
