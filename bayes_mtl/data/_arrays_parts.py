"""From arrays to the fields of TaskData."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_array, as_indices, check_finite, is_pandas
from bayes_mtl.data._assemble import Options, assemble
from bayes_mtl.data._dataset_rows import DatasetRows, Rows
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._names import label_text, listed, name_list, repeated
from bayes_mtl.data._places import as_places
from bayes_mtl.data._targets import encode_targets, has_order
from bayes_mtl.data._task_features import as_task_features
from bayes_mtl.data._task_labels import encode_tasks


def as_rows(x: Any, feature_names: Sequence[str] | None) -> tuple[Rows, tuple[str, ...]]:
    """``[rows, (steps,) features]`` as floats and the names of features; what is stored stays so."""
    if is_pandas(x, "DataFrame") and feature_names is None:
        feature_names = [label_text(name) for name in x.columns]
    array = DatasetRows(x) if isinstance(x, Dataset) else as_array(x, "x")
    if array.ndim not in (2, 3):
        raise InputError(
            message("x", "[rows, features] or [rows, steps, features]", f"shape {array.shape}", "Reshape it.")
        )
    if not len(array):
        raise InputError(message("x", "at least one row", "none", "Pass the data to learn from."))
    width = array.shape[-1]
    names = tuple(f"x{i}" for i in range(width))
    if feature_names is not None:
        names = name_list(feature_names, "feature_names")
    if len(names) != width or repeated(names):
        found = listed(repeated(names)) + " twice" if repeated(names) else len(names)
        raise InputError(
            message("feature_names", f"{width} different names, one a column of x", found, "Name each once.")
        )
    check_finite(array, names)
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = np.array(array, dtype=np.float32 if array.dtype == np.float32 else np.float64)
    return array, names


def _check_order(x: Any, columns: Mapping[str, Any]) -> None:
    """Refuse columns whose index is that of ``x`` in another order; other indices say nothing of places."""
    if not is_pandas(x, "DataFrame"):
        return
    for argument, column in columns.items():
        if not is_pandas(column, "Series") or len(column) != len(x) or x.index.equals(column.index):
            continue
        if not x.index.has_duplicates and set(x.index) == set(column.index):
            remedy = f"Align them first, e.g. with {argument}.loc[x.index]."
            raise InputError(message(argument, "the index of x", "the same labels in another order", remedy))


def array_parts(
    x: Any,
    y: Any,
    task: Any,
    options: Options,
    feature_names: Sequence[str] | None,
    task_names: Sequence[str] | None,
    *,
    row: Any = None,
    step: Any = None,
    length: Any = None,
    index: np.ndarray | None = None,
) -> dict[str, Any]:
    """Check everything and return the fields of TaskData."""
    if row is None:
        _check_order(x, {"y": y, "task": task, **options.observed})
    rows, names = as_rows(x, feature_names)
    targets, classes = encode_targets(y)
    size = len(targets)
    if not size:
        raise InputError(message("y", "at least one observation", "none", "Pass the data to learn from."))
    if row is None and len(rows) != size:
        raise InputError(
            message("y", f"{len(rows)} targets, one a row of x", size, "Pass row= where rows are shared.")
        )
    codes, tasks = encode_tasks(task, task_names, size)
    row = np.arange(size) if row is None else as_indices(row, "row", size, len(rows), "rows of x")
    length, step = as_places(rows, row, length, step)
    return assemble(
        options,
        x=rows,
        encoder=Encoder(names),
        terms={},
        tasks=tasks,
        task_features=as_task_features(options.task_features, tasks),
        classes=classes,
        ordered=has_order(y, classes),
        target=label_text(y.name) if is_pandas(y, "Series") and y.name is not None else "y",
        observations={
            "row": row,
            "step": step,
            "length": length,
            "task": codes,
            "y": targets,
            "index": np.arange(size) if index is None else index,
        },
    )
