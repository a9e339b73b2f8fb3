"""Weights of a mixture of predictive distributions."""

import numpy as np

_GAP = 1e-6
_MOST = 20_000


def stacking(elpd: np.ndarray) -> np.ndarray:
    """Weights that maximise the mean log-density of the mixture.

    Parameters
    ----------
    elpd
        ``[units, models]``: log predictive densities.

    Returns
    -------
    numpy.ndarray
        ``[models]``, at least 0, of sum 1.

    Notes
    -----
    Expectation-maximisation for the weights of known densities. The problem is concave; where no model gains
    more than 1e-6 nats a unit for a share of the others, no other weights are better by more than that.
    """
    density = np.exp(elpd - elpd.max(1, keepdims=True))
    weights = np.full(elpd.shape[1], 1.0 / elpd.shape[1])
    for _ in range(_MOST):
        gain = (density / (density @ weights)[:, None]).mean(0)
        if gain.max() - 1.0 < _GAP:
            break
        weights = weights * gain
    return weights / weights.sum()
