"""From a table with one column of targets a task to the fields of TaskData."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, is_pandas
from bayes_mtl.data._arrays_parts import array_parts
from bayes_mtl.data._assemble import Options
from bayes_mtl.data._names import label_text, listed, name_list, repeated


def output_parts(
    x: Any,
    outputs: Any,
    options: Options,
    feature_names: Sequence[str] | None,
    task_names: Sequence[str] | None,
) -> dict[str, Any]:
    """One observation for every target that is not NaN; inputs once per row."""
    if is_pandas(outputs, "DataFrame") and task_names is None:
        task_names = [label_text(name) for name in outputs.columns]
    if is_pandas(x, "DataFrame") and is_pandas(outputs, "DataFrame") and not x.index.equals(outputs.index):
        raise InputError(
            message("Y", "the index of x", "another one", "Align the frames first, e.g. with Y.loc[x.index].")
        )
    table = np.asarray(as_array(outputs, "Y"))
    if not hasattr(x, "__len__"):
        raise InputTypeError(message("x", "[rows, features]", type(x).__name__, "Pass an array or a frame."))
    if table.ndim != 2 or table.shape[0] != len(x):
        raise InputError(
            message("Y", f"[{len(x)} rows, tasks]", f"shape {table.shape}", "Give each task one column.")
        )
    names = (
        [f"task{i}" for i in range(table.shape[1])]
        if task_names is None
        else name_list(task_names, "task_names")
    )
    if len(names) != table.shape[1] or repeated([label_text(name) for name in names]):
        raise InputError(
            message(
                "task_names", f"{table.shape[1]} different names", listed(names), "Name each column of Y."
            )
        )
    if np.isinf(table).any():
        raise InputError(
            message("Y", "finite targets or NaN", "infinity", "Use NaN where there is no label.")
        )
    row, task = np.nonzero(~np.isnan(table))
    if not len(row):
        raise InputError(message("Y", "at least one target", "only NaN", "Pass the data to learn from."))
    return array_parts(x, table[row, task], task, options, feature_names, names, row=row, index=row)
