"""From a linear predictor to random targets."""

from collections.abc import Callable

import numpy as np

from bayes_mtl._errors import InputError, message

Targets = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""Draws targets ``[observations]`` given a generator and the linear predictor ``[observations]``."""


def bernoulli_targets(rng: np.random.Generator, predictor: np.ndarray) -> np.ndarray:
    """Draw 0 or 1, the predictor ``[observations]`` being the log-odds of 1."""
    probability = 0.5 + 0.5 * np.tanh(0.5 * predictor)  # cannot overflow
    return np.asarray(rng.random(predictor.shape) < probability, dtype=np.float64)


def poisson_targets(rng: np.random.Generator, predictor: np.ndarray) -> np.ndarray:
    """Draw counts, the predictor ``[observations]`` being the log of their mean.

    Raises
    ------
    InputError
        Where a mean passes e^40, beyond what 64-bit counts can hold.
    """
    highest = float(predictor.max(initial=0.0))
    if highest > 40:
        raise InputError(
            message("predictor", "a log mean of at most 40", f"{highest:.3g}", "Make the weights smaller.")
        )
    return np.asarray(rng.poisson(np.exp(predictor)), dtype=np.float64)
