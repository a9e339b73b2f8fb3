"""Whether the contents of a file fit together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import FileError
from bayes_mtl.data import Scaling, Schema

_RECORD = {
    "method": str,
    "settings": dict,
    "seed": int,
    "device": str,
    "seconds": float,
    "stopped": str,
    "observations": int,
    "chains": int,
    "divergences": int,
    "held_out": list,
    "gradient": dict,
    "versions": dict,
}


def check_record(record: Any, draws: int) -> dict[str, Any]:
    """The record of the fit, with every field of its type."""
    if isinstance(record, dict):
        record = {"gradient": {}, **record}  # files of 0.1 before it was measured
    _require(isinstance(record, dict) and record.keys() == _RECORD.keys(), "the record of the fit")
    for name, kind in _RECORD.items():
        _require(type(record[name]) is kind, f"'{name}' in the record of the fit")
    for name in ("settings", "versions"):
        _require(all(isinstance(value, str) for value in record[name].values()), f"'{name}' in the record")
    for values, name in ((record["held_out"], "held_out"), (record["gradient"].values(), "gradient")):
        _require(all(type(value) is float for value in values), f"'{name}' in the record")
    _require(record["chains"] >= 1 and draws % record["chains"] == 0, "the number of chains")
    found: dict[str, Any] = record
    return found


def check_scaling(scaling: Scaling, schema: Schema) -> int:
    """Number of outputs, where centres and scales fit the names."""
    _require(scaling.shift.ndim == 2, "the shift of the targets")
    tasks, outputs = scaling.shift.shape
    _require(tasks == len(schema.tasks) and outputs >= 1, "the shift of the targets")
    _require(scaling.spread.shape == scaling.shift.shape, "the spread of the targets")
    columns, extra = (len(schema.columns),), (len(schema.task_features),)
    _require(scaling.x_mean.shape == scaling.x_sd.shape == columns, "the scaling of the features")
    _require(scaling.task_mean.shape == scaling.task_sd.shape == extra, "the scaling of task features")
    values = (scaling.shift, scaling.x_mean, scaling.task_mean, scaling.spread, scaling.x_sd, scaling.task_sd)
    _require(all(bool(np.isfinite(value).all()) for value in values), "the scaling")
    _require(all(bool((value > 0).all()) for value in values[3:]), "the scaling")
    return outputs


def check_tasks(
    kinds: Any, used: Any, schema: Schema, outputs: int, task_features: Tensor | None
) -> list[tuple[str, tuple[int, ...]]]:
    """Kinds of tasks: every task is in one; outputs in use and features of tasks have the right sizes."""
    tasks = len(schema.tasks)
    _require(isinstance(kinds, list) and all(len(kind) == 2 for kind in kinds), "the kinds of tasks")
    found = [(name, tuple(members)) for name, members in kinds]
    _require(all(isinstance(name, str) for name, _ in found), "the names of the kinds of tasks")
    members = [task for _, own in found for task in own]
    _require(all(type(task) is int for task in members), "the kinds of tasks")
    _require(sorted(members) == list(range(tasks)), "the kinds of tasks")
    _require(isinstance(used, list) and len(used) == tasks, "the outputs of tasks")
    _require(all(type(number) is int and 1 <= number <= outputs for number in used), "the outputs of tasks")
    _require(max(used) == outputs, "the outputs of tasks")
    width = len(schema.task_features)
    if task_features is None:
        _require(width == 0, "the features of tasks")
    else:
        _require(tuple(task_features.shape) == (tasks, width), "the features of tasks")
    return found


def check_draws(
    draws: Mapping[str, Tensor], weights: tuple[int, int, int], log_weights: Tensor | None
) -> int:
    """Number of draws, the same for every site."""
    _require("weights" in draws and draws["weights"].dim() == 4, "the draws of the weights")
    number = draws["weights"].shape[0]
    _require(number >= 1 and tuple(draws["weights"].shape[1:]) == weights, f"weights of the shape {weights}")
    for name, value in draws.items():
        _require(value.dtype == torch.float32 and value.dim() >= 2, f"the draws of '{name}'")
        _require(value.shape[0] == number and 1 <= value.shape[1] <= weights[0], f"the draws of '{name}'")
    if log_weights is not None:
        _require(tuple(log_weights.shape) == (number,), "the weights of the draws")
    return number


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise FileError(f"The file does not hold {what} as they should be.")
