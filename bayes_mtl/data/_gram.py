"""Sufficient statistics of every task in one pass over chunks of observations."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.data._arrays import as_column, chunks
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._standardise import standardised_rows
from bayes_mtl.data._statistics import Statistics
from bayes_mtl.data._task_data import TaskData


def gram(
    data: TaskData,
    scaling: Scaling,
    response: np.ndarray | None = None,
    precision: np.ndarray | None = None,
    design: Callable[[slice], np.ndarray] | None = None,
    xx: torch.Tensor | None = None,
) -> Statistics:
    """Per-task sums of the design's products, in float64.

    Parameters
    ----------
    data, scaling
        Observations and their standardisation. With steps, each observation must name its step.
    response
        ``[observations]``; default ``(y - offset - shift) / spread`` of the first output.
    precision
        ``[observations]``; default weight, divided by ``(noise / spread)^2`` where noise is known.
        One that is given replaces both: include the weight in it.
    design
        From a slice of the observations to ``[observations, weights]``; default: the standardised features.
    xx
        ``[tasks, weights, weights]``: the design's products, where another response with the same precision
        has had them computed.

    Returns
    -------
    Statistics
        Float64 tensors. Memory is O(tasks * weights^2), never O(tasks * observations).

    Raises
    ------
    UnsupportedError
        For whole sequences, which have no single row of features.
    InputError
        For a column of another length, or a negative precision.
    """
    if design is None and data.x.ndim == 3 and data.step is None:
        raise UnsupportedError(
            message("data", "one row of features an observation", "whole sequences", "Use a network.")
        )
    weight = np.ones(len(data)) if data.weight is None else data.weight
    response = (
        _default_response(data, scaling) if response is None else as_column(response, "response", len(data))
    )
    if precision is None:
        precision = _default_precision(data, scaling, weight)
    else:
        precision = as_column(precision, "precision", len(data))
        if (precision < 0).any():
            raise InputError(message("precision", "at least 0", precision.min(), "Pass 1/variance."))

    if design is None:
        design, width = partial(_design, data, scaling), int(data.schema.intercept) + data.x.shape[-1]
    else:
        width = design(slice(0, 1)).shape[-1]
    tasks = len(data.schema.tasks)
    products = np.zeros((tasks, width, width)) if xx is None else xx.numpy()
    xy = np.zeros((tasks, width))
    for part in chunks(len(data), width * (data.x.shape[1] if data.x.ndim == 3 else 1)):
        rows = design(part)
        weighted = rows * precision[part, None]
        # Observations are sorted by task, so each task is one slice and its sums one matrix product.
        present, starts = np.unique(data.task[part], return_index=True)
        ends = np.append(starts[1:], len(rows))
        xy[present] += np.add.reduceat(weighted * response[part, None], starts)
        for task, start, end in zip(present, starts, ends, strict=True) if xx is None else ():
            products[task] += weighted[start:end].T @ rows[start:end]
    logs = np.log(np.divide(precision, weight, out=np.ones(len(data)), where=(weight > 0) & (precision > 0)))

    def per_task(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.bincount(data.task, weights=values, minlength=tasks))

    return Statistics(
        xx=torch.from_numpy(products),
        xy=torch.from_numpy(xy),
        yy=per_task(precision * response**2),
        n=per_task(weight),
        log_precision=per_task(weight * logs),
    )


def _design(data: TaskData, scaling: Scaling, part: slice) -> np.ndarray:
    """``[observations of the part, weights]``: intercept, varying features, fixed features."""
    rows = data.row[part]
    consecutive = bool((np.diff(rows) == 1).all())
    x = standardised_rows(data, scaling, slice(rows[0], rows[-1] + 1) if consecutive else rows)
    if data.step is not None:
        x = x[np.arange(len(rows)), data.step[part]]
    return np.concatenate([np.ones((len(rows), 1)), x], axis=1) if data.schema.intercept else x


def _default_response(data: TaskData, scaling: Scaling) -> np.ndarray:
    target = data.y if data.offset is None else data.y - data.offset
    response: np.ndarray = (target - scaling.shift[data.task, 0]) / scaling.spread[data.task, 0]
    return response


def _default_precision(data: TaskData, scaling: Scaling, weight: np.ndarray) -> np.ndarray:
    if data.noise is None:
        return weight
    precision: np.ndarray = weight / (data.noise / scaling.spread[data.task, 0]) ** 2
    return precision
