"""How far probabilities are from frequencies."""

import numpy as np

BINS = 10


def calibration_error(happened: np.ndarray, probability: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of probability and frequency, over bins of equal width.

    Parameters
    ----------
    happened
        ``[n]`` bool.
    probability
        ``[n]`` predicted for it.
    bins
        Into which 0 to 1 is cut; each counts by the number of predictions in it.

    References
    ----------
    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning (AAAI 2015).
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=probability - happened, minlength=bins)
    return float(np.abs(gap).sum() / len(probability))
