"""A test quantity of targets."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Statistic:
    """A test quantity of the observed and of simulated targets.

    Attributes
    ----------
    name
        In words.
    observed
        ``[1 + tasks]``: of all tasks, then of each.
    simulated
        ``[draws, 1 + tasks]``.
    """

    name: str
    observed: np.ndarray
    simulated: np.ndarray
