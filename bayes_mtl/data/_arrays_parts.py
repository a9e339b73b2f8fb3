"""From arrays to the fields of TaskData."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrange import arrange
from bayes_mtl.data._arrays import as_array, as_indices, check_finite, is_pandas
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._features import assign_groups, split_features
from bayes_mtl.data._names import label_text, listed
from bayes_mtl.data._observed import observed_columns
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._targets import encode_targets
from bayes_mtl.data._task_features import as_task_features
from bayes_mtl.data._task_labels import encode_tasks


def as_rows(x: Any, feature_names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """``[rows, (steps,) features]`` as floats and the names of features; a memory map stays one."""
    if is_pandas(x, "DataFrame") and feature_names is None:
        feature_names = [label_text(name) for name in x.columns]
    array = as_array(x, "x")
    if array.ndim not in (2, 3):
        raise InputError(
            message("x", "[rows, features] or [rows, steps, features]", f"shape {array.shape}", "Reshape it.")
        )
    if not len(array):
        raise InputError(message("x", "at least one row", "none", "Pass the data to learn from."))
    width = array.shape[-1]
    names = tuple(label_text(n) for n in feature_names) if feature_names is not None else _numbered(width)
    if len(names) != width:
        raise InputError(
            message("feature_names", f"{width} names, one a column of x", len(names), "Make them agree.")
        )
    check_finite(array, names)
    if not isinstance(array, np.memmap):
        array = np.array(array, dtype=array.dtype if array.dtype in (np.float32, np.float64) else np.float64)
    return array, names


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(width))


def order_columns(x: np.ndarray, names: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """Columns in the order of the schema; a memory map must have that order already."""
    if tuple(names) == tuple(columns):
        return x
    if isinstance(x, np.memmap):
        raise InputError(
            message(
                "varying",
                "a memory-mapped x whose fixed features are its last columns",
                f"the order {listed(names)}",
                "Write the file with the fixed features last, or load it into memory.",
            )
        )
    return np.ascontiguousarray(x[..., [list(names).index(name) for name in columns]])


def array_parts(
    x: Any,
    y: Any,
    task: Any,
    *,
    row: Any,
    step: Any,
    feature_names: Sequence[str] | None,
    task_names: Sequence[str] | None,
    varying: Sequence[str] | None,
    groups: Mapping[str, Any] | None,
    task_features: Any,
    intercept: bool,
    index: Any,
    target: str,
    observed: Mapping[str, Any],
) -> dict[str, Any]:
    """Check everything and return the fields of TaskData."""
    rows, names = as_rows(x, feature_names)
    targets, classes = encode_targets(y)
    size = len(targets)
    if not size:
        raise InputError(message("y", "at least one observation", "none", "Pass the data to learn from."))
    codes, tasks = encode_tasks(task, task_names, size)
    if row is None and len(rows) != size:
        raise InputError(
            message("y", f"{len(rows)} targets, one a row of x", size, "Pass row= where rows are shared.")
        )
    row = np.arange(size) if row is None else as_indices(row, "row", size, len(rows), "rows of x")
    if step is not None:
        if rows.ndim != 3:
            raise InputError(
                message("step", "x of [rows, steps, features]", f"shape {rows.shape}", "Leave step out.")
            )
        step = as_indices(step, "step", size, rows.shape[1], "steps")
    features, fixed = split_features(names, varying, {})
    values, names_of_tasks = as_task_features(task_features, tasks)
    schema = Schema(
        tasks=tasks,
        features=features,
        fixed=fixed,
        intercept=intercept,
        groups=assign_groups(features, fixed, groups, {}),
        task_features=names_of_tasks,
        classes=classes,
        target=target,
        encoder=None if names == features + fixed else Encoder(names),
    )
    return arrange(
        {
            "x": order_columns(rows, names, schema.columns),
            "row": row,
            "step": step,
            "task": codes,
            "y": targets,
            "task_features": values,
            "schema": schema,
            "index": np.arange(size) if index is None else index,
            **observed_columns(observed, targets),
        }
    )
