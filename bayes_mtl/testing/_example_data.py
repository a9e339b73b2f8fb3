"""Small data sets that a likelihood can explain."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_mtl._errors import BayesMTLError, CheckFailed, message
from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods import AbstractLikelihood

TASK_FEATURES = 2


def example_data(
    likelihood: AbstractLikelihood,
    tasks: int = 4,
    features: int = 2,
    rows: int = 6,
    intercept: bool = True,
    classes: int = 3,
) -> TaskData:
    """The first of some small data sets that ``likelihood`` accepts.

    Parameters
    ----------
    tasks, features, rows
        Sizes; ``rows`` a task. The intercept is not among the features. Tasks have features of their own,
        and the features of rows come in two groups.

    Raises
    ------
    CheckFailed
        Where it accepts none of numbers, positive numbers, counts, two or more classes, with and without
        trials, known noise and censoring.
    """
    reasons = []
    for y, columns in _targets(tasks * rows, classes):
        data = _data(y, tasks, features, intercept, columns)
        try:
            likelihood.bind(data).check(data)
        except BayesMTLError as error:
            reasons.append(str(error))
        else:
            return data
    raise CheckFailed(
        message(
            type(likelihood).__name__,
            "a likelihood that accepts numbers, counts or classes",
            f"it refuses all of them (the last: {reasons[-1]})",
            "Correct check_targets, or pass data= that it accepts.",
        )
    )


def _targets(number: int, classes: int) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    random = np.random.default_rng(0)
    signal = np.sin(np.arange(number))
    real = 3.0 + 2.0 * signal + random.normal(size=number)
    counts = random.poisson(np.exp(1.0 + 0.5 * signal)).astype(np.float64)
    binary = (signal + random.normal(size=number) > 0).astype(np.float64)
    several = np.arange(number) % classes
    # negative targets first: a likelihood of positive numbers that takes them would be wrong
    yield real - 5.0, {}
    yield real - 5.0, {"noise": random.uniform(0.5, 1.5, number)}
    yield several.astype(np.float64), {}
    yield binary, {}
    yield counts, {"trials": counts + 3.0}
    yield counts, {}
    yield np.exp(0.3 * real), {}
    yield np.exp(0.3 * real), {"censored": several == 0}


def _data(y: np.ndarray, tasks: int, features: int, intercept: bool, columns: dict[str, Any]) -> TaskData:
    random = np.random.default_rng(1)
    names = [f"x{i}" for i in range(features)]
    return TaskData.from_arrays(
        random.normal(size=(len(y), features)),
        y,
        np.arange(len(y)) % tasks,
        feature_names=names,
        task_names=[f"t{t}" for t in range(tasks)],
        groups={name: f"g{i % 2}" for i, name in enumerate(names)} if features else None,
        task_features=random.normal(size=(tasks, TASK_FEATURES)),
        intercept=intercept,
        **columns,
    )
