"""What a pair of correlated tasks was made from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PairTruth:
    """Parameters behind `correlated_pair`.

    Attributes
    ----------
    weights
        ``[2, features]``.
    frequencies, phases
        ``[waves]``: of the sines.
    noise
        Standard deviation of the noise.
    mean
        ``[rows, 2]``: targets without noise.
    """

    weights: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    noise: float
    mean: np.ndarray
