"""Features of tasks."""

from collections import Counter
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_array, check_finite, is_pandas
from bayes_mtl.data._names import label_text, listed


def as_task_features(values: Any, tasks: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """``[tasks, task features]`` float64 and their names, from an array or a frame indexed by task."""
    if values is None:
        return None, ()
    if is_pandas(values, "DataFrame"):
        values, names = _by_task(values, tasks)
    else:
        values, names = as_array(values, "task_features"), ()
    if values.ndim != 2 or len(values) != len(tasks):
        raise InputError(
            message(
                "task_features",
                f"[{len(tasks)} tasks, task features]",
                f"shape {values.shape}",
                "Give each task one row, in the order of the tasks.",
            )
        )
    names = names or tuple(f"z{i}" for i in range(values.shape[1]))
    check_finite(values, names, "task_features")
    return np.array(values, dtype=np.float64), names


def _by_task(frame: Any, tasks: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    labels = [label_text(label) for label in frame.index]
    count = Counter(labels)
    lacking = [name for name in tasks if count[name] != 1]
    if lacking:
        raise InputError(
            message(
                "task_features",
                "one row for every task, indexed by task",
                f"none or several for {listed(lacking)}",
                "Call .set_index with the column that names the task.",
            )
        )
    place = {label: i for i, label in enumerate(labels)}
    values = as_array(frame, "task_features")
    return values[[place[name] for name in tasks]], tuple(label_text(name) for name in frame.columns)
