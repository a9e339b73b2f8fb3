"""Importance sampling of what is left out."""

from collections.abc import Iterable

import numpy as np
from scipy.special import logsumexp

from bayes_mtl import _arviz
from bayes_mtl._errors import InputError, message


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
    if len(log_density) < 2:
        raise InputError(message("posterior", "several draws", "a single one", "Fit it by SVI or NUTS."))
    base = np.zeros((len(log_density), 1)) if log_weights is None else log_weights[:, None]
    inside = logsumexp(base + log_density, axis=0) - logsumexp(base)
    weights, k = _smoothed(base - power * log_density)
    return logsumexp(weights + log_density, axis=0), inside, k


def weights_left_out(log_density: np.ndarray, power: np.ndarray | float = 1.0) -> np.ndarray:
    """``[draws, units]``: what each draw counts where a unit is left out; of sum 1 over draws."""
    weights: np.ndarray = np.exp(_smoothed(-power * log_density)[0])
    return weights


def _smoothed(log_ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed, normalised log weights ``[draws, units]``, and Pareto k ``[units]``."""
    columns = [_arviz.psis(column) for column in log_ratios.T]
    return np.stack([column for column, _ in columns], 1), np.array([k for _, k in columns])


def joined(parts: Iterable[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """What `left_out` says of several parts, as one."""
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
