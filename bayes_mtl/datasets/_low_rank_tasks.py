"""Tasks whose weights lie near a low-dimensional subspace."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._synthetic import check_counts, check_scales, generate, generator
from bayes_mtl.datasets._targets import Targets
from bayes_mtl.datasets._truth import Truth


def low_rank_tasks(
    tasks: int = 40,
    rows: int | Sequence[int] = 30,
    features: int = 6,
    rank: int = 2,
    within: float = 0.05,
    noise: float = 0.5,
    targets: Targets | None = None,
    seed: int = 0,
) -> tuple[TaskData, Truth]:
    """Make tasks that mix a few directions.

    ``w_t = L z_t + e_t`` with loadings ``L ~ N(0, 1/rank)``, ``z_t ~ N(0, I)`` of length ``rank`` and
    ``e_t ~ N(0, within^2 I)``; targets are ``x_t' w_t`` plus noise.

    Parameters
    ----------
    tasks, features, rank
        How many; the intercept comes on top of the features.
    rows
        Observations of each task, one number or one a task.
    within
        Standard deviation of the weights outside the subspace.
    noise
        Standard deviation of Gaussian targets.
    targets
        How targets are drawn instead, such as `bernoulli_targets`.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and Truth
        Data, and the weights and their covariance ``L L' + within^2 I`` behind it.

    Raises
    ------
    InputError
        For a rank above the number of weights, or numbers out of range.
    """
    check_counts(tasks=tasks, features=features, rank=rank)
    check_scales(within=within, noise=noise)
    width = features + 1
    if rank > width:
        raise InputError(message("rank", f"at most {width}, the weights", rank, "Add features."))
    rng = generator(seed)
    loadings = rng.normal(size=(width, rank)) / np.sqrt(rank)
    weights = rng.normal(size=(tasks, rank)) @ loadings.T + within * rng.normal(size=(tasks, width))
    data = generate(rng, weights, rows, noise, targets)
    covariance = loadings @ loadings.T + within**2 * np.eye(width)
    return data, Truth(weights, None if targets else noise, np.zeros(width), covariance)
