"""All observations as one batch."""

import numpy as np
import torch
from torch import Tensor

from bayes_mtl.data._batch import Batch
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._standardise import standardised_rows
from bayes_mtl.data._task_data import TaskData


def full_batch(
    data: TaskData,
    scaling: Scaling,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Every observation, standardised in float64 and then cast.

    Returns
    -------
    Batch
        Holds all rows that observations refer to, so ``data.x`` must fit on the device.
    """
    used, position = np.unique(data.row, return_inverse=True)
    alone = len(used) == len(data.row)
    in_order = np.array_equal(used, np.arange(len(data.x)))
    x = standardised_rows(data, scaling, slice(None) if in_order else used)
    if alone:
        x = x if np.array_equal(position, np.arange(len(position))) else x[position]
    row = None if alone else torch.from_numpy(position)
    length = None if data.length is None else data.length[data.row if alone else used]
    return as_batch(data, scaling, x, row, length).to(device, dtype)


def as_batch(
    data: TaskData, scaling: Scaling, x: np.ndarray, row: Tensor | None, length: np.ndarray | None = None
) -> Batch:
    """Float64 batch of every observation of ``data`` on rows ``x`` of ``length`` valid steps."""
    width = len(data.schema.features)
    return Batch(
        x=torch.from_numpy(np.ascontiguousarray(x[..., :width])),
        fixed=torch.from_numpy(np.ascontiguousarray(x[..., width:])) if data.schema.fixed else None,
        row=row,
        step=_tensor(data.step),
        length=_tensor(length),
        task=torch.tensor(data.task),
        y=torch.tensor(data.y),
        noise=_tensor(data.noise),
        offset=_tensor(data.offset),
        trials=_tensor(data.trials),
        censored=_tensor(data.censored),
        scale=torch.ones(len(data), dtype=torch.float64)
        if data.weight is None
        else torch.tensor(data.weight),
        shift=torch.tensor(scaling.shift),
        spread=torch.tensor(scaling.spread),
        task_features=standardised_task_features(data, scaling),
        intercept=data.schema.intercept,
    )


def _tensor(values: np.ndarray | None) -> Tensor | None:
    return None if values is None else torch.tensor(values)


def standardised_task_features(data: TaskData, scaling: Scaling) -> Tensor | None:
    """``[tasks, task features]`` float64, or None."""
    if data.task_features is None:
        return None
    return torch.tensor((data.task_features - scaling.task_mean) / scaling.task_sd)
