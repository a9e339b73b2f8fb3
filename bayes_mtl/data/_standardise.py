"""Rows as the model sees them: read, centred and scaled in float64."""

import numpy as np

from bayes_mtl.data._padding import padded
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._task_data import TaskData


def standardised_rows(data: TaskData, scaling: Scaling, rows: np.ndarray | slice) -> np.ndarray:
    """``[rows, (steps,) features]`` float64; only these rows are read from a memory map.

    Padded steps are 0, the mean of every feature.
    """
    taken = np.asarray(data.x[rows], dtype=np.float64)
    standardised: np.ndarray = (taken - scaling.x_mean) / scaling.x_sd
    if data.length is not None:
        standardised[padded(data.length[rows], data.x.shape[1])] = 0.0
    return standardised
