"""Tasks whose weights vary around a common mean."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._synthetic import check_counts, check_scales, generate, generator
from bayes_mtl.datasets._targets import Targets
from bayes_mtl.datasets._truth import Truth


def hierarchical_tasks(
    tasks: int = 40,
    rows: int | Sequence[int] = 30,
    features: int = 3,
    scale: float = 0.5,
    correlation: float = 0.3,
    noise: float = 0.5,
    targets: Targets | None = None,
    seed: int = 0,
) -> tuple[TaskData, Truth]:
    """Make tasks around a common mean.

    ``w_t ~ N(m, S)`` with ``m ~ N(0, I)`` and ``S = scale^2 ((1 - c) I + c 1 1')``, ``c`` being the
    correlation; targets are ``x_t' w_t`` plus noise.

    Parameters
    ----------
    tasks, features
        How many; the intercept comes on top of the features.
    rows
        Observations of each task, one number or one a task.
    scale, correlation
        Standard deviation of each weight over tasks, and the correlation of any two, in [0, 1].
    noise
        Standard deviation of Gaussian targets.
    targets
        How targets are drawn instead, such as `bernoulli_targets`.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and Truth
        Data, and the weights, mean and covariance behind it.

    Raises
    ------
    InputError
        For numbers out of range.
    """
    check_counts(tasks=tasks, features=features)
    check_scales(scale=scale, correlation=correlation, noise=noise)
    if correlation > 1:
        raise InputError(message("correlation", "a number from 0 to 1", correlation, "Try 0.3."))
    rng = generator(seed)
    width = features + 1
    mean = rng.normal(size=width)
    # A common factor and one of its own for each weight give this covariance exactly, singular or not.
    common, own = rng.normal(size=(tasks, 1)), rng.normal(size=(tasks, width))
    weights = mean + scale * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)
    covariance = scale**2 * ((1 - correlation) * np.eye(width) + correlation)
    data = generate(rng, weights, rows, noise, targets)
    return data, Truth(weights, None if targets else noise, mean, covariance)
