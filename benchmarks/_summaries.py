"""What is known of irregular signals so far: running summaries, at a few hours of each stay."""

import numpy as np


def running_summaries(signals: np.ndarray, hours: np.ndarray, window: int = 12) -> np.ndarray:
    """Last value, mean, least, largest, mean of a window, and the number of values, up to each hour.

    Parameters
    ----------
    signals
        ``[stays, hours, signals]`` with NaN.
    hours
        Steps to keep, counted from 0; each looks back only.
    window
        Hours of the mean that is recent.

    Returns
    -------
    numpy.ndarray
        ``[stays, steps, 6 * signals]``; NaN where a signal was not seen yet; numbers as ``log(1 + n)``.
    """
    seen = ~np.isnan(signals)
    count = np.cumsum(seen, 1)
    total = np.cumsum(np.nan_to_num(signals), 1, dtype=np.float64)
    place = np.maximum.accumulate(np.where(seen, np.arange(signals.shape[1])[:, None], 0), 1)
    recent, number = total.copy(), count.copy()
    recent[:, window:] -= total[:, :-window]
    number[:, window:] -= count[:, :-window]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [
            np.take_along_axis(signals, place, 1),
            total / count,
            np.fmin.accumulate(signals, 1),
            np.fmax.accumulate(signals, 1),
            recent / number,
            np.log1p(count),
        ]
    return np.concatenate([values[:, hours] for values in found], -1).astype(np.float32)


SUMMARIES = ("last", "mean", "least", "largest", "recent", "number")
"""Names of the blocks of columns."""
