"""Importance sampling of what is left out."""

import numpy as np
from scipy.special import logsumexp

from bayes_mtl._errors import InputError, message
from bayes_mtl._psis import psis


def left_out(
    log_density: np.ndarray, log_weights: np.ndarray | None = None, power: np.ndarray | float = 1.0
) -> tuple[np.ndarray, ...]:
    """Predictive densities of columns that were left out one at a time.

    Parameters
    ----------
    log_density
        ``[draws, units]``: log-density of each unit given the rest of a draw.
    log_weights
        Log weights of the draws, ``[draws]``; equal ones by default.
    power
        Weight with which each unit entered the fit, ``[units]`` or one for all.

    Returns
    -------
    numpy.ndarray
        ``[units]`` each: log predictive density left out, the same not left out, Pareto k.

    References
    ----------
    Vehtari, Gelman and Gabry, Practical Bayesian model evaluation using leave-one-out cross-validation and
    WAIC (Statistics and Computing 2017).
    """
    require_several(len(log_density))
    log, power = log_density.T, np.asarray(power)[..., None]
    base = np.zeros((1, log.shape[-1])) if log_weights is None else log_weights[None]
    inside = logsumexp(base + log, axis=-1) - logsumexp(base)
    weights, k = psis(base - power * log)
    return logsumexp(weights + log, axis=-1), inside, k


def require_several(draws: int) -> None:
    """Refuse a posterior of a single draw, which nothing can be weighted with."""
    if draws < 2:
        raise InputError(message("posterior", "several draws", "a single one", "Fit it by SVI or NUTS."))
