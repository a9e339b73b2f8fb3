"""Tasks whose weights come from a few clusters."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._synthetic import check_counts, check_scales, generate, generator
from bayes_mtl.datasets._targets import Targets
from bayes_mtl.datasets._truth import Truth


def clustered_tasks(
    tasks: int = 40,
    rows: int | Sequence[int] = 30,
    features: int = 3,
    clusters: int = 3,
    separation: float = 2.0,
    within: float = 0.1,
    noise: float = 0.5,
    targets: Targets | None = None,
    seed: int = 0,
) -> tuple[TaskData, Truth]:
    """Make tasks in planted clusters.

    Cluster ``k`` has the centre ``m_k ~ N(0, separation^2 I)``, task ``t`` of cluster ``k`` the weights
    ``w_t ~ N(m_k, within^2 I)``; targets are ``x_t' w_t`` plus noise. Clusters are of equal size, up to
    one task, and mixed among the tasks.

    Parameters
    ----------
    tasks, features, clusters
        How many; the intercept comes on top of the features.
    rows
        Observations of each task, one number or one a task.
    separation, within
        Standard deviation of the centres, and of tasks around their centre.
    noise
        Standard deviation of Gaussian targets.
    targets
        How targets are drawn instead, such as `bernoulli_targets`.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and Truth
        Data, and the weights, labels and centres behind it.

    Raises
    ------
    InputError
        For more clusters than tasks, or numbers out of range.
    """
    check_counts(tasks=tasks, features=features, clusters=clusters)
    check_scales(separation=separation, within=within, noise=noise)
    if clusters > tasks:
        raise InputError(message("clusters", f"at most {tasks}, the tasks", clusters, "Add tasks."))
    rng = generator(seed)
    labels = rng.permutation(np.arange(tasks) % clusters)
    centres = rng.normal(scale=separation, size=(clusters, features + 1))
    weights = centres[labels] + within * rng.normal(size=(tasks, features + 1))
    data = generate(rng, weights, rows, noise, targets)
    covariance = within**2 * np.eye(features + 1)
    return data, Truth(weights, None if targets else noise, centres, covariance, labels)
