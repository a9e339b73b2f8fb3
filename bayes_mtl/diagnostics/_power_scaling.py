"""How much draws move where a part of the posterior density counts a little more or less."""

import numpy as np

from bayes_mtl._psis import psis

_DELTA = 0.01


def power_scaling(draws: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    """Sensitivity of quantities to a part of the log-density.

    Parameters
    ----------
    draws
        ``[draws, quantities]``.
    log_density
        ``[draws]``: the part, such as the log-prior.

    Returns
    -------
    numpy.ndarray
        ``[quantities]``: distance that a quantity's distribution moves as the part is raised to the power
        ``a``, per doubling of ``a``, at ``a = 1``; NaN where the importance weights cannot be trusted.

    References
    ----------
    Kallioinen, Paananen, Bürkner and Vehtari, Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling (Statistics and Computing 2024), equation 8, in the form of its package priorsense.
    """
    total = np.zeros(draws.shape[1])
    for power in (1 / (1 + _DELTA), 1 + _DELTA):
        weights, k = psis((power - 1) * log_density)
        if k > 0.7 or not np.isfinite(weights).all():
            return np.full(draws.shape[1], np.nan)
        plain = np.exp(weights)
        total += np.maximum(_distance(draws, plain), _distance(-draws, plain))
    return total / (2 * np.log2(1 + _DELTA))


def _distance(draws: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cumulative Jensen-Shannon distance of the draws from the weighted draws, ``[quantities]``.

    Nguyen and Vreeken, Non-parametric Jensen-Shannon divergence (2015).
    """
    order = np.argsort(draws, axis=0, kind="stable")
    width = np.diff(np.take_along_axis(draws, order, 0), axis=0)
    p = np.arange(1, len(draws))[:, None] / len(draws)
    q = np.cumsum(weights[order], axis=0)[:-1]
    middle = np.log2(0.5 * (p + q))
    with np.errstate(divide="ignore", invalid="ignore"):
        own, other = p * (np.log2(p) - middle), np.where(q > 0, q * (np.log2(q) - middle), 0.0)
        of_p, of_q = (p * width).sum(0), (q * width).sum(0)
        shift = 0.5 / np.log(2) * (of_q - of_p)
        forth = np.maximum((width * own).sum(0) + shift, 0.0)
        back = np.maximum((width * other).sum(0) - shift, 0.0)
        found: np.ndarray = np.sqrt((forth + back) / (of_p + of_q))
    return found
