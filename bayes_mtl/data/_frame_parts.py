"""From a long table to the fields of TaskData."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import is_pandas
from bayes_mtl.data._assemble import Options, assemble
from bayes_mtl.data._columns_encoder import as_frame, check_column, complete_column, numeric_column
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._features import Terms
from bayes_mtl.data._formula import Formula
from bayes_mtl.data._names import label_text, listed, repeated
from bayes_mtl.data._observed import named_columns
from bayes_mtl.data._targets import encode_targets, has_order
from bayes_mtl.data._task_features import as_task_features
from bayes_mtl.data._task_labels import encode_tasks


def frame_parts(
    frame: Any,
    options: Options,
    *,
    y: str | None,
    task: str,
    x: Sequence[str] | None,
    formula: str | None,
) -> dict[str, Any]:
    """Check everything and return the fields of TaskData."""
    index = frame.index.to_numpy() if is_pandas(frame, "DataFrame") else None
    frame = as_frame(frame, "frame")
    if not len(frame):
        raise InputError(message("frame", "at least one row", "none", "Pass the data to learn from."))
    parsed = None if formula is None else Formula.parse(formula)
    target, task = _target(y, parsed, formula), label_text(task)
    check_column(frame, target, "y")
    check_column(frame, task, "task")
    values = complete_column(frame, target, "y")
    targets, classes = encode_targets(values, f"column {target!r}")
    codes, tasks = encode_tasks(complete_column(frame, task, "task"), None, len(frame))
    encoder, rows, terms = _inputs(frame, x, parsed)
    used = encoder.names if parsed is None else parsed.variables(list(frame.columns))
    _refuse_as_features(used, {target: "the target", task: "the task"})
    observed = named_columns(frame, options.observed)
    intercept = options.intercept and (parsed is None or parsed.intercept)
    return assemble(
        replace(options, observed=observed, intercept=intercept),
        x=rows,
        encoder=encoder,
        terms=terms,
        tasks=tasks,
        task_features=_task_features(frame, options.task_features, codes, tasks),
        classes=classes,
        ordered=has_order(values, classes),
        target=target,
        task=task,
        observations={
            "row": np.arange(len(frame)),
            "step": None,
            "task": codes,
            "y": targets,
            "index": np.arange(len(frame)) if index is None else index,
        },
    )


def _target(y: str | None, parsed: Formula | None, formula: str | None) -> str:
    left = None if parsed is None else parsed.target
    if y is None and left is None:
        raise InputError(
            message("y", "the name of the target's column", "none", "Pass y=, or write formula='y ~ ...'.")
        )
    if y is not None and left is not None and label_text(y) != left:
        raise InputError(message("y", f"the left side of {formula!r}", repr(y), "Give the target once."))
    return label_text(y) if y is not None else str(left)


def _inputs(frame: Any, x: Sequence[str] | None, parsed: Formula | None) -> tuple[Encoder, np.ndarray, Terms]:
    if (x is None) == (parsed is None):
        raise InputError(
            message(
                "x",
                "either x= or formula=",
                "neither" if x is None else "both",
                "Name the columns in x=[...], or write a formula; x=[] fits an intercept alone.",
            )
        )
    if parsed is not None:
        return Encoder.fit(parsed, frame)
    if isinstance(x, str) or not isinstance(x, Sequence):
        raise InputTypeError(message("x", "a list of column names", repr(x), "Write x=[...]."))
    names = tuple(label_text(name) for name in x)
    if repeated(names):
        raise InputError(message("x", "different columns", listed(repeated(names)), "Name each once."))
    columns = [numeric_column(frame, name) for name in names]
    values = np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))
    return Encoder(names), values, {}


def _refuse_as_features(used: Sequence[str], roles: Mapping[str, str]) -> None:
    """A target predicts itself; a task's own intercept comes from the prior."""
    for name in used:
        if name in roles:
            found = f"{name!r}, which is {roles[name]}"
            remedy = (
                "Leave it out; the prior gives each task weights of its own, the intercept among them."
                if roles[name] == "the task"
                else "Leave it out: it would predict itself."
            )
            raise InputError(message("features", "columns that are known beforehand", found, remedy))


def _task_features(
    frame: Any, given: Any, codes: np.ndarray, tasks: tuple[str, ...]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Features of tasks, from columns that are constant within each task or a frame of their own."""
    if given is None or not isinstance(given, (str, list, tuple)):
        return as_task_features(given, tasks)
    names = tuple(label_text(name) for name in ([given] if isinstance(given, str) else given))
    values = np.stack([numeric_column(frame, name, "task_features") for name in names], axis=1)
    first = np.zeros((len(tasks), len(names)))
    first[codes[::-1]] = values[::-1]  # the last write, and so each task's first row, wins
    differs = values != first[codes]
    for column, name in enumerate(names):
        if differs[:, column].any():
            worst = tasks[codes[np.flatnonzero(differs[:, column])[0]]]
            raise InputError(
                message(
                    "task_features",
                    f"one value of {name!r} within each task",
                    f"several in task {worst!r}",
                    "Average it by task, or use it as a feature in x=.",
                )
            )
    return first, names
