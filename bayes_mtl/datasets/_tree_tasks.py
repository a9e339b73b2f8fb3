"""Tasks whose weights diffused down a tree."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._synthetic import check_counts, check_scales, generate, generator
from bayes_mtl.datasets._targets import Targets
from bayes_mtl.datasets._truth import Truth


def tree_tasks(
    tasks: int = 20,
    rows: int | Sequence[int] = 15,
    features: int = 9,
    groups: int | None = None,
    within: float = 0.2,
    scale: float = 1.0,
    noise: float = 2.0,
    targets: Targets | None = None,
    seed: int = 0,
) -> tuple[TaskData, Truth]:
    """Make tasks that are the leaves of a tree.

    The root has the weights ``m ~ N(0, I)``; along a branch of length ``d`` they change by
    ``N(0, d scale^2 I)``; targets are ``x_t' w_t`` plus noise.

    Parameters
    ----------
    tasks, features
        How many; the intercept comes on top of the features.
    rows
        Observations of each task, one number or one a task.
    groups
        None: the tree is a draw of Kingman's coalescent. A number: the tree has depth 1 and that many
        clear groups, of equal size up to one task, mixed among the tasks. The tasks of a group merge at
        evenly spaced times up to ``within``, the groups at evenly spaced times from 0.6 to 1.
    within
        Time by which the tasks of a group have merged, in (0, 0.6); groups only.
    scale
        Standard deviation of a weight's change over one unit of time.
    noise
        Standard deviation of Gaussian targets.
    targets
        How targets are drawn instead, such as `bernoulli_targets`.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and Truth
        Data, and the weights, the weights of the root, the covariance of a task around it, the tree and
        the groups behind it.

    Raises
    ------
    InputError
        For fewer than two tasks, more groups than tasks, or numbers out of range.

    References
    ----------
    Daumé III, Bayesian multitask learning with latent hierarchies (UAI 2009).
    """
    check_counts(tasks=tasks, features=features)
    check_scales(scale=scale, noise=noise, within=within)
    if tasks < 2:
        raise InputError(message("tasks", "at least 2, to make a tree", tasks, "Add tasks."))
    if groups is not None:
        check_counts(groups=groups)
        if groups > tasks:
            raise InputError(message("groups", f"at most {tasks}, the tasks", groups, "Add tasks."))
        if not 0 < within < 0.6:
            raise InputError(message("within", "between 0 and 0.6", within, "Try 0.2."))
    rng = generator(seed)
    labels = None if groups is None else rng.permutation(np.arange(tasks) % groups)
    tree = _coalescent(rng, tasks) if labels is None else _grouped(rng, labels, within)
    width = features + 1
    mean = rng.normal(size=width)
    nodes = np.zeros((2 * tasks - 1, width))
    nodes[-1] = mean
    time = np.concatenate([np.zeros(tasks), tree[:, 2]])
    for merger in range(tasks - 2, -1, -1):
        parent = tasks + merger
        for child in tree[merger, :2].astype(int):
            change = scale * np.sqrt(time[parent] - time[child]) * rng.normal(size=width)
            nodes[child] = nodes[parent] + change
    weights = nodes[:tasks]
    data = generate(rng, weights, rows, noise, targets)
    covariance = scale**2 * time[-1] * np.eye(width)
    return data, Truth(weights, None if targets else noise, mean, covariance, labels, tree)


def _coalescent(rng: np.random.Generator, tasks: int) -> np.ndarray:
    """A draw of Kingman's coalescent: any pair of lineages merges at rate 1."""
    alive, time, tree = list(range(tasks)), 0.0, np.zeros((tasks - 1, 3))
    for merger in range(tasks - 1):
        lineages = len(alive)
        time += rng.exponential(2.0 / (lineages * (lineages - 1)))
        _merge(rng, alive, tree, merger, time)
    return tree


def _grouped(rng: np.random.Generator, labels: np.ndarray, within: float) -> np.ndarray:
    """Mergers within groups first, in turn, then those of the groups."""
    groups, tasks = int(labels.max()) + 1, len(labels)
    alive = [np.flatnonzero(labels == group).tolist() for group in range(groups)]
    tree, merger = np.zeros((tasks - 1, 3)), 0
    for time in np.linspace(0.0, within, tasks - groups + 1)[1:]:
        largest = int(np.argmax([len(members) for members in alive]))
        _merge(rng, alive[largest], tree, merger, time)
        merger += 1
    top = [members[0] for members in alive]
    for time in np.linspace(0.6, 1.0, groups - 1) if groups > 2 else [1.0] * (groups - 1):
        _merge(rng, top, tree, merger, time)
        merger += 1
    return tree


def _merge(rng: np.random.Generator, alive: list[int], tree: np.ndarray, merger: int, time: float) -> None:
    """Join two lineages at random, in place."""
    first, second = sorted(int(i) for i in rng.choice(len(alive), 2, replace=False))
    tree[merger] = alive[first], alive[second], time
    del alive[second], alive[first]
    alive.append(len(tree) + 1 + merger)
