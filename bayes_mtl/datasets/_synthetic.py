"""Rows and targets for given weights: what the synthetic families share."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._targets import Targets


def check_counts(**counts: int) -> None:
    """Refuse anything but whole numbers of at least 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
            raise InputTypeError(message(name, "a whole number", repr(count), f"Try {name}=3."))
        if count < 1:
            raise InputError(message(name, "at least 1", count, f"Try {name}=3."))


def check_scales(**scales: float) -> None:
    """Refuse anything but finite numbers of at least 0."""
    for name, scale in scales.items():
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale < np.inf:
            raise InputError(message(name, "a finite number of at least 0", repr(scale), f"Try {name}=1."))


def generator(seed: int) -> np.random.Generator:
    """Make a generator of random numbers of its own."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(message("seed", "an integer of at least 0", repr(seed), "Try seed=0."))
    return np.random.default_rng(seed)


def generate(
    rng: np.random.Generator,
    weights: np.ndarray,
    rows: int | Sequence[int],
    noise: float,
    targets: Targets | None,
) -> TaskData:
    """Data with standard normal features.

    Parameters
    ----------
    rng
        Source of randomness.
    weights
        ``[tasks, weights]``, intercept first.
    rows
        Observations of each task, one number or one a task.
    noise
        Standard deviation of Gaussian targets.
    targets
        How targets are drawn instead.
    """
    tasks = len(weights)
    sizes = [rows] * tasks if isinstance(rows, (int, np.integer)) else list(rows)
    if len(sizes) != tasks:
        raise InputError(message("rows", f"one number, or {tasks}", len(sizes), "Give each task one."))
    for size in sizes:
        check_counts(rows=size)
    task = np.repeat(np.arange(tasks), sizes)
    x = rng.normal(size=(len(task), weights.shape[1] - 1))
    predictor = weights[task, 0] + np.einsum("nf,nf->n", x, weights[task, 1:])
    y = predictor + noise * rng.normal(size=len(task)) if targets is None else targets(rng, predictor)
    width = len(str(tasks - 1))
    names = [f"task{t:0{width}d}" for t in range(tasks)]
    return TaskData.from_arrays(x, y, task, task_names=names)
