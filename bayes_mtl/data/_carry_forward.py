"""Gaps in sequences, filled by what was last measured."""

import numpy as np

from bayes_mtl.data._arrays import chunks
from bayes_mtl.data._padding import padded


def carry_forward(x: np.ndarray, length: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """``[rows, steps, 3 features]``: values without gaps, whether measured, steps since last measured.

    Parameters
    ----------
    x
        ``[rows, steps, features]``, NaN where nothing was measured.
    length
        ``[rows]``: valid steps.
    fill
        ``[features]``: value before a feature's first measurement in a row.

    Returns
    -------
    numpy.ndarray
        Steps since last measured are 0 where it was measured just now; before the first measurement they
        count from one step before the start. Padded steps are 0 throughout.
    """
    rows, steps, width = x.shape
    made = np.zeros((rows, steps, 3 * width), dtype=x.dtype)
    step = np.arange(steps)[:, None]
    for part in chunks(rows, 3 * steps * width):
        block = x[part]
        measured = ~np.isnan(block)
        last = np.maximum.accumulate(np.where(measured, step, -1), axis=1)
        carried = np.take_along_axis(block, np.maximum(last, 0), axis=1)
        made[part, :, :width] = np.where(last < 0, fill, carried)
        made[part, :, width : 2 * width] = measured
        made[part, :, 2 * width :] = step - last
    made[padded(length, steps)] = 0.0
    return made


def measured_means(x: np.ndarray, length: np.ndarray | None = None) -> np.ndarray:
    """``[features]`` mean of what was measured of ``[rows, ..., features]``; 0 where nothing was."""
    width = x.shape[-1]
    total, count = np.zeros(width), np.zeros(width)
    for part in chunks(len(x), int(np.prod(x.shape[1:]))):
        block = np.asarray(x[part], dtype=np.float64)
        if length is not None:
            block = block[~padded(length[part], x.shape[1])]
        others = tuple(range(block.ndim - 1))
        total += np.nansum(block, axis=others)
        count += (~np.isnan(block)).sum(others)
    means: np.ndarray = total / np.maximum(count, 1)
    return means
