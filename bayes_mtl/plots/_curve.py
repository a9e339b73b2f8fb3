"""Predictions for one task along one feature."""

from dataclasses import dataclass, replace

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.posterior import Posterior

_GRID, _ROWS, _FEW = 40, 25, 10


@dataclass(frozen=True, eq=False)
class Curve:
    """What is predicted along a feature, whatever the other features are.

    Attributes
    ----------
    at
        ``[points]``: values of the feature.
    mean, lower, upper
        ``[points]``: expected target and interval of a new one; for two classes the probability of the
        second and the interval of that.
    probabilities
        ``[points, classes]``, or None.
    joined
        Whether the points belong on a line.
    """

    at: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    probabilities: np.ndarray | None
    joined: bool


def grid(values: np.ndarray) -> np.ndarray:
    """Where to predict along a feature: its values where there are few, else points over their range."""
    distinct = np.unique(values)
    return distinct if len(distinct) <= _FEW else np.linspace(distinct[0], distinct[-1], _GRID)


def curve(posterior: Posterior, own: TaskData, column: int, points: np.ndarray, level: float) -> Curve:
    """Predict for one task along one feature.

    The other features (and offset, trials, noise) are those of up to 25 of the task's observations:
    the prediction is the mixture over them, so that the observations themselves can be held against
    it. After a formula, whose columns hang together, the points are the observations instead.

    Parameters
    ----------
    own
        Observations of the task, at least one.
    column
        Position of the feature among the columns of ``x``.
    points
        Values of the feature.
    level
        Probability of the interval.
    """
    values = own.x[own.row, column]
    formula = own.schema.encoder is not None and own.schema.encoder.formula is not None
    if formula:
        at, rows = np.sort(values), own.subset(np.argsort(values, kind="stable"))
    else:
        at, rows = points, _crossed(own, column, points)
    found = posterior.predict(rows, level=level, keep_draws=True)
    probabilities = found.probabilities
    if (
        probabilities is not None and np.isnan(probabilities).all()
    ):  # a task without classes, among others with
        probabilities = None
    tails = [(1 - level) / 2, (1 + level) / 2]
    if probabilities is None:
        draws = _by_point(found.draws, len(at))
        lower, upper = np.quantile(draws, tails, axis=(0, 1))
    else:
        probabilities = _by_point(probabilities.T, len(at)).mean(1).T
        chance = posterior.predict(rows, level=level, kind="mean", keep_draws=True)
        lower, upper = np.quantile(_by_point(chance.draws, len(at)).mean(1), tails, axis=0)
    mean = _by_point(found.mean[None], len(at)).mean((0, 1))
    return Curve(at, mean, lower, upper, probabilities, not formula)


def _by_point(values: np.ndarray | None, points: int) -> np.ndarray:
    """``[any, rows * points]`` as ``[any, rows, points]``."""
    found = np.asarray(values)
    return found.reshape(len(found), -1, points)


def _crossed(own: TaskData, column: int, at: np.ndarray) -> TaskData:
    """Some of the observations, each at every value of the feature."""
    some = np.unique(np.linspace(0, len(own) - 1, min(_ROWS, len(own))).round().astype(int))
    x = np.repeat(np.asarray(own.x[own.row[some]], dtype=np.float64), len(at), 0)
    x[:, column] = np.tile(at, len(some))
    number = np.arange(len(x))

    def repeated(column: np.ndarray | None) -> np.ndarray | None:
        return None if column is None else np.repeat(column[some], len(at))

    return replace(
        own,
        x=x,
        row=number,
        task=np.full(len(x), own.task[0]),
        y=np.full(len(x), own.y[0]),
        index=number,
        step=None,
        noise=repeated(own.noise),
        offset=repeated(own.offset),
        trials=repeated(own.trials),
        weight=None,
        censored=None,
    )
