"""Observations left out one at a time: densities, Pareto k, and the weights of the draws."""

from collections.abc import Iterator

import numpy as np

from bayes_mtl._psis import smooth

_WIDEST = 600.0
"""Range of log-densities beyond which their ratios would leave the range of numbers."""
_BLOCK = 1 << 17
"""Numbers worked on together: about what a core's cache holds."""
_LOWEST = float(np.finfo(float).min)


def left_out_one_by_one(
    log: np.ndarray, below: np.ndarray | None, power: np.ndarray | None, negligible: float
) -> np.ndarray:
    """``[4, observations]``: density left out, not left out, k, and the weighted share of ``below``.

    Parameters
    ----------
    log
        ``[draws, observations]``: log-density of each at each draw.
    below
        ``[draws, observations]``, or None, which makes the share NaN.
    power
        ``[observations]``: weights with which they entered the fit; None where they did not.
    negligible
        As in `psis`.

    Notes
    -----
    Where no weight stands out they need no smoothing, and all follows from one exponential: leaving out
    weights a draw by ``1 / p``, so the density left out is the number of draws over the sum of ``1 / p``.
    """
    found = np.full((4, log.shape[1]), np.nan)
    rest = np.arange(log.shape[1])
    if power is not None and (power == 1).all():
        tame = [_tame(log, below, part, negligible, found) for part in _blocks(log)]
        rest = np.flatnonzero(~np.concatenate(tame)) if tame else rest
    for part in _blocks(log[:, rest]):
        own = rest[part]
        found[:, own] = _plain(
            log[:, own],
            None if below is None else below[:, own],
            None if power is None else power[own],
            negligible,
        )
    return found


def _blocks(log: np.ndarray) -> Iterator[slice]:
    """Columns that are worked on together."""
    size = max(1, _BLOCK // len(log))
    for start in range(0, log.shape[1], size):
        yield slice(start, start + size)


def _tame(
    log: np.ndarray, below: np.ndarray | None, part: slice, negligible: float, found: np.ndarray
) -> np.ndarray:
    """Fill in a part of ``found``; returns where that is right."""
    own, draws = log[:, part], len(log)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        lowest = own.min(0)
        inverse = np.subtract(lowest, own, dtype=np.float64)
        np.exp(inverse, out=inverse)  # 1 / p, the largest being 1
        total = inverse.sum(0)
        right = (draws <= negligible * total) & (own.max(0) - lowest < _WIDEST) & np.isfinite(total)
        found[0, part] = lowest + np.log(draws / total)
        if below is not None:
            found[3, part] = (inverse * below[:, part]).sum(0) / total
        found[1, part] = lowest + np.log(np.reciprocal(inverse, out=inverse).sum(0) / draws)
        found[2, part] = -np.inf
    return np.asarray(right)


def _plain(
    log: np.ndarray, below: np.ndarray | None, power: np.ndarray | None, negligible: float
) -> np.ndarray:
    rows = np.ascontiguousarray(log.T, dtype=np.float64)
    number = rows.shape[1]
    inside = _log_sum(rows) - np.log(number)
    if power is None:
        share = np.full(len(rows), np.nan) if below is None else below.mean(0, dtype=np.float64)
        return np.stack([inside, inside, np.full(len(rows), -np.inf), share])
    weights = -power[:, None] * rows
    k = smooth(weights, negligible)
    elpd = _log_sum(weights + rows)
    share = np.full(len(rows), np.nan) if below is None else (np.exp(weights) * below.T).sum(-1)
    return np.stack([elpd, inside, k, share])


def _log_sum(values: np.ndarray) -> np.ndarray:
    largest = np.maximum(values.max(-1, keepdims=True), _LOWEST)
    found: np.ndarray = np.log(np.exp(values - largest).sum(-1)) + largest[:, 0]
    return found
