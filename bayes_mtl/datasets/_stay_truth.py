"""What synthetic stays were made from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class StayTruth:
    """States and predictors behind `icu_stays`.

    Attributes
    ----------
    state
        ``[rows, steps, 4]``: unobserved state of each stay at each hour, standard normal.
    weights
        ``[tasks, 4]``: weight of the state (of phenotypes: of its mean over the stay, standardised).
    predictor
        ``[observations]`` in the order of the data: log odds of 1; for ``stay`` the location of a standard
        logistic variable that `cutpoints` cut into classes. No prediction ranks better than it.
    cutpoints
        ``[classes - 1]`` of ``stay``.
    """

    state: np.ndarray
    weights: np.ndarray
    predictor: np.ndarray
    cutpoints: np.ndarray
