"""Pareto-smoothed importance sampling of many sets of weights at once.

Vehtari, Simpson, Gelman, Yao and Gabry, Pareto smoothed importance sampling (JMLR 2024). The tail is fitted
after Zhang and Stephens, A new and efficient estimation method for the generalized Pareto distribution
(Technometrics 2009). ArviZ does the same, a set at a time, some milliseconds each.
"""

import numpy as np

_FEWEST_WEIGHTS = 25
"""The tail is a fifth of them, and a Pareto distribution is fitted to five values at least."""
_LOWEST = -700.0
"""exp(-700) is still a float64; what lies further below the largest weight counts for nothing."""
_TINY = float(np.log(np.finfo(float).tiny))
_BLOCK = 1 << 17
"""Numbers worked on together: about what a core's cache holds."""
_ROUNDING = 1e-8
"""Log weights that are this close are equal: sums of many densities are rounded."""
_PRIOR_SIZE, _PRIOR_SHAPE = 10, 0.5
_PRIOR_SCALE = 3
_WIDE = 1e30
"""Ratio of tail values beyond which a product of eight of them could leave the range of numbers."""


def psis(log_weights: np.ndarray, negligible: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed, normalised log weights and the shape ``k`` of their tails.

    Parameters
    ----------
    log_weights
        ``[..., draws]``, log importance weights up to a constant; ``-inf`` is a weight of zero.
    negligible
        Sets whose largest weight is at most so many times their mean are left as they are.

    Returns
    -------
    numpy.ndarray
        ``[..., draws]`` float64.
    numpy.ndarray
        ``[...]``: ``k``: ``-inf`` where the largest weights are all equal up to rounding (no tail) or
        negligible, ``inf`` where the tail is too heavy to be fitted or a weight is not a number, NaN where
        there are too few draws to tell. Above 0.7 the weights, and what they correct, are unreliable.
    """
    given = np.asarray(log_weights)
    draws = given.shape[-1]
    rows = given.reshape(-1, draws)
    smoothed, k = np.empty(rows.shape), np.empty(len(rows))
    size = max(1, _BLOCK // max(draws, 1))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        smoothed[part] = rows[part]
        k[part] = smooth(smoothed[part], negligible)
    return smoothed.reshape(given.shape), k.reshape(given.shape[:-1])


def smooth(weights: np.ndarray, negligible: float = 1.0) -> np.ndarray:
    """Replace ``weights [rows, draws]`` by smoothed, normalised ones, in place; returns ``k [rows]``."""
    draws = weights.shape[-1]
    largest = weights.max(-1, keepdims=True)
    broken = ~np.isfinite(largest[:, 0])  # NaN among them makes the largest NaN
    weights[broken] = largest[broken] = 0.0
    weights -= largest
    np.maximum(weights, _LOWEST, out=weights)
    total = np.exp(weights).sum(-1)
    k = np.full(len(weights), np.nan if draws < _FEWEST_WEIGHTS else -np.inf)
    chosen = np.flatnonzero((draws > negligible * total) & (draws >= _FEWEST_WEIGHTS))
    if len(chosen):
        part = weights[chosen]
        k[chosen] = _smooth_tails(part, int(np.ceil(min(draws / 5, 3 * np.sqrt(draws)))))
        weights[chosen], total[chosen] = part, np.exp(part).sum(-1)
    weights -= np.log(total)[:, None]
    weights[broken], k[broken] = np.nan, np.inf
    return k


def _smooth_tails(weights: np.ndarray, size: int) -> np.ndarray:
    """Smooth the ``size`` largest of each row, at most 0; returns ``k``."""
    where = np.argpartition(weights, (-size - 1,), axis=-1)[:, -size - 1 :]
    tail = np.take_along_axis(weights, where, -1)
    order = np.argsort(tail, axis=-1)
    where, tail = np.take_along_axis(where, order, -1), np.take_along_axis(tail, order, -1)
    cut = np.maximum(tail[:, :1], _TINY)
    # Values equal to the cut are no part of the tail, which is shorter where there are ties.
    length = (tail > cut).sum(-1)
    tied = tail[:, 1] > -_ROUNDING
    k = np.where(tied, -np.inf, np.inf)
    fitted = (length > 4) & np.isfinite(tail).all(-1) & ~tied
    for n in np.unique(length[fitted]):
        rows = np.flatnonzero(fitted & (length == n))
        shift = np.exp(cut[rows])
        excess = np.exp(tail[rows, -n:]) - shift
        shape, scale = fit_pareto(excess)
        known = np.isfinite(shape) & (scale > 0)
        rows, shape, scale = rows[known], shape[known, None], scale[known, None]
        quantiles = pareto_quantiles(np.arange(0.5, n) / n, shape, scale)
        with np.errstate(over="ignore"):
            values = np.minimum(np.log(quantiles + shift[known]), 0.0)
        weights[rows[:, None], where[rows, -n:]] = values
        k[rows] = shape[:, 0]
    return k


def fit_pareto(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shape and scale ``[rows]`` of generalised Pareto distributions, from ``values [rows, n]`` in order.

    The mean of a posterior over a grid; the shape is pulled towards 0.5 as if by ten more values.
    """
    n = values.shape[-1]
    points = 30 + int(np.sqrt(n))
    grid = 1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        b = grid / (_PRIOR_SCALE * values[:, int(n / 4 + 0.5) - 1, None]) + 1 / values[:, -1:]
        k = _mean_log(b, values)
        log = n * (np.log(-(b / k)) - k - 1)
        weights = np.exp(log - log.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        weights[weights < 10 * np.finfo(float).eps] = 0.0
        weights /= weights.sum(-1, keepdims=True)
        best = (b * weights).sum(-1)
        shape = np.log1p(-best[:, None] * values).mean(-1)
        scale = -shape / best
    return (n * shape + _PRIOR_SIZE * _PRIOR_SHAPE) / (n + _PRIOR_SIZE), scale


def _mean_log(b: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean over ``values [rows, n]`` of ``log(1 - b values)``, for each of ``b [rows, points]``."""
    n = values.shape[-1]
    if (values[:, -1] > _WIDE * values[:, int(n / 4 + 0.5) - 1]).any():
        found: np.ndarray = np.log1p(-b[..., None] * values[:, None]).mean(-1)
        return found
    # A logarithm costs as much as many products: that of products of eight. Rows last, which are many.
    whole = np.concatenate([values.T, np.zeros((-n % 8, len(values)))])
    factors = whole.reshape(8, -1, 1, len(values))
    points = np.ascontiguousarray(-b.T)
    product = factors[0] * points
    product += 1
    other = np.empty_like(product)
    for factor in factors[1:]:
        np.multiply(factor, points, out=other)
        other += 1
        product *= other
    found = np.log(product, out=product).sum(0).T / n
    return found


def pareto_quantiles(p: np.ndarray, shape: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Quantiles of generalised Pareto distributions from 0 on, of shape and scale ``[rows, 1]``."""
    log = np.log1p(-p)
    near = np.abs(shape) < np.finfo(float).eps
    safe = np.where(near, 1.0, shape)
    with np.errstate(over="ignore"):
        quantiles: np.ndarray = scale * np.where(near, -log, np.expm1(-safe * log) / safe)
    return quantiles
