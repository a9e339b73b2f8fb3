"""Shift and spread of the linear predictor, estimated from pooled targets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bayes_mtl.data import TaskData, TaskTable


def without_offset(data: TaskData, values: np.ndarray) -> np.ndarray:
    """Values on the scale of the linear predictor, less the data's offset."""
    return values if data.offset is None else values - data.offset


def same_for_tasks(data: TaskData, shift: float, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """``[tasks, 1]`` each; no shift where there is no intercept to carry it."""
    shape = (len(data.schema.tasks), 1)
    return np.full(shape, shift if data.schema.intercept else 0.0), np.full(shape, spread)


def mean_and_spread(data: TaskData, values: np.ndarray, units: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of ``values [observations]``, less the offset."""
    return _by_units(data, without_offset(data, values), units, lambda v: (float(v.mean()), float(v.std())))


def mean_and_spread_of(table: TaskTable, units: str) -> tuple[np.ndarray, np.ndarray]:
    """`mean_and_spread` of the targets of a table, from their moments by task."""
    targets, intercept = table.targets, table.schema.intercept
    every, shape = targets.together(), (len(targets.mean), 1)
    found = targets if units == "task" else every
    # A spread that is only rounding is 1, and a task's is that of all.
    whole = float(every.sd[0]) if _resolved(float(every.sd[0]), float(every.mean[0])) else 1.0
    own = np.where(_resolved(found.sd, found.mean), found.sd, whole)
    centre = np.where(found.count > 0, found.mean, every.mean)
    shift = np.broadcast_to(centre[:, None] if intercept else 0.0, shape)
    return shift.copy(), np.broadcast_to(own[:, None], shape).copy()


def median_and_spread(data: TaskData, values: np.ndarray, units: str) -> tuple[np.ndarray, np.ndarray]:
    """Median and scaled median absolute deviation: not moved by outliers.

    Where more than half of the values are equal, the standard deviation takes its place.
    """

    def robust(v: np.ndarray) -> tuple[float, float]:
        centre = float(np.median(v))
        # 1.4826 makes it the standard deviation of Gaussian values
        spread = 1.4826 * float(np.median(np.abs(v - centre)))
        return centre, spread if _resolved(spread, centre) else float(v.std())

    return _by_units(data, without_offset(data, values), units, robust)


# what overflows is not finite, and is refused with the scaling
@np.errstate(over="ignore", invalid="ignore")
def _by_units(
    data: TaskData,
    values: np.ndarray,
    units: str,
    moments: Callable[[np.ndarray], tuple[float, float]],
) -> tuple[np.ndarray, np.ndarray]:
    """Moments of all values or of each task's, ``[tasks, 1]``; 1 for a spread that is only rounding."""
    if values.size == 0:
        return same_for_tasks(data, 0.0)
    centre, spread = moments(values)
    shift, scale = same_for_tasks(data, centre, spread if _resolved(spread, centre) else 1.0)
    if units == "task":
        # observations are sorted by task
        tasks, starts = np.unique(data.task, return_index=True)
        for task, own in zip(tasks, np.split(values, starts[1:]), strict=True):
            centre, spread = moments(own)
            shift[task, 0] = centre if data.schema.intercept else 0.0
            scale[task, 0] = spread if _resolved(spread, centre) else scale[task, 0]
    return shift, scale


def log_rate(data: TaskData) -> tuple[np.ndarray, np.ndarray]:
    """Shift ``log(sum y / sum exposure)``, ``exposure = exp(offset)``; half an event where there is none."""
    if data.y.size == 0:
        return same_for_tasks(data, 0.0)
    exposure = float(data.y.size) if data.offset is None else float(np.exp(data.offset).sum())
    return same_for_tasks(data, float(np.log(max(float(data.y.sum()), 0.5) / exposure)))


def log_odds(data: TaskData, successes: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift ``logit`` of the pooled rate (half an event added on either side), less the mean offset."""
    if successes.size == 0:
        return same_for_tasks(data, 0.0)
    won, lost = float(successes.sum()) + 0.5, float((trials - successes).sum()) + 0.5
    offset = 0.0 if data.offset is None else float(data.offset.mean())
    return same_for_tasks(data, float(np.log(won / lost)) - offset)


def working_log_odds(
    data: TaskData, successes: np.ndarray, trials: np.ndarray, location: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Standardised log odds of each observation, half a trial's worth of the pooled rate added."""
    base = _pooled(data, location[0])
    rate = 1.0 / (1.0 + np.exp(-base))
    odds = np.log(successes + 0.5 * rate) - np.log(trials - successes + 0.5 * (1.0 - rate))
    response: np.ndarray = (odds - base)[:, None]
    return response


def working_log_rate(data: TaskData, location: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Standardised log rate of each observation, half an event added to seen and expected counts."""
    base = _pooled(data, location[0])
    response: np.ndarray = (np.log(data.y + 0.5) - np.log(np.exp(base) + 0.5))[:, None]
    return response


def _pooled(data: TaskData, shift: np.ndarray) -> np.ndarray:
    """Pooled predictor of each observation, within what `exp` can take."""
    base = shift[data.task, 0]
    pooled: np.ndarray = np.clip(base if data.offset is None else base + data.offset, -20.0, 20.0)
    return pooled


def _resolved(spread: Any, centre: Any) -> Any:
    """Whether spreads are more than rounding."""
    return spread > 1e-12 * abs(centre)
