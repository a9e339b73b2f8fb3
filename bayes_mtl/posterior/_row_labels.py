"""Which task each row belongs to, whichever way a user says it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import Schema
from bayes_mtl.data._columns_encoder import as_frame
from bayes_mtl.data._names import label_text, label_texts, positions, suggestion

NEW = "Pass new_task=True to draw its weights from the prior."


def labels_of(rows: Any, task: Any) -> list[str]:
    """Task label of each row, as text.

    Parameters
    ----------
    rows
        A frame, an array, or a mapping of columns.
    task
        A label for all rows, a label a row, or the name of a column of the frame.

    Raises
    ------
    InputError
        For missing labels, and for another number of them than of rows.
    """
    import pandas as pd

    rows = as_table(rows)
    number = len(rows) if not hasattr(rows, "shape") else rows.shape[0]
    if isinstance(task, str) and hasattr(rows, "columns") and task in rows.columns:
        task = rows[task]
    if isinstance(task, (str, int)) or np.ndim(task) == 0:
        task = [task] * number
    missing = np.asarray(pd.isna(task if isinstance(task, np.ndarray) else np.asarray(task, dtype=object)))
    if missing.any():
        found = f"missing in {positions(missing.reshape(-1))}"
        raise InputError(message("task", "a label for every row", found, "Drop these rows."))
    labels = label_texts(task)
    if len(labels) != number:
        raise InputError(
            message("task", f"{number} labels, one a row", len(labels), "Give each row its task.")
        )
    return labels


def fitted_column(schema: Schema, rows: Any, *, needed: bool) -> str | None:
    """Name of the column that held the tasks of the fit; None without one that is not needed.

    Raises
    ------
    InputError
        Where it is needed and there was none, or these rows do not have it.
    """
    rows, name = as_table(rows), schema.task
    if name and hasattr(rows, "columns") and name in rows.columns:
        return name
    if not needed:
        return None
    found = f"none (the fit's were in the column {name!r})" if name else "none"
    remedy = "Pass task=, or new_task=True for a new one."
    raise InputError(message("task", "a task for each row", found, remedy))


def as_table(rows: Any) -> Any:
    """A mapping of columns as a frame, whose length is its rows'; others as they are."""
    return as_frame(rows, "rows") if isinstance(rows, Mapping) else rows


def unknown_task(rows: Any, task: Any) -> str:
    """What to do about a task that was not fitted, which may have been meant for a column."""
    if isinstance(task, str) and hasattr(rows, "columns") and task not in rows.columns:
        near = suggestion(task, [label_text(name) for name in rows.columns])
        return f"No column has this name, either. {near}{NEW}"
    return NEW
