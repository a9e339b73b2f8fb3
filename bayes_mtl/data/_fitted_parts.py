"""From a new long table to the fields of TaskData, encoded as the data of a fitted model."""

from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrange import arrange
from bayes_mtl.data._arrays import is_pandas
from bayes_mtl.data._assemble import Options
from bayes_mtl.data._columns_encoder import as_frame, check_column, complete_column
from bayes_mtl.data._labels import encode_labels
from bayes_mtl.data._names import label_text, listed, suggestion
from bayes_mtl.data._observed import named_columns, observed_columns
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._targets import encode_targets

_NEW = (
    "Leave its rows out; predict takes the frame itself for a new task: predict(frame, task, new_task=True)."
)


def fitted_parts(
    frame: Any, schema: Schema, options: Options, *, y: str | None, task: str, x: Any, formula: Any
) -> dict[str, Any]:
    """Check everything and return the fields of TaskData; tasks may be without observations."""
    index = frame.index.to_numpy() if is_pandas(frame, "DataFrame") else None
    frame = as_frame(frame, "frame")
    if not len(frame):
        raise InputError(message("frame", "at least one row", "none", "Pass some observations."))
    described = {
        "x": x,
        "formula": formula,
        "varying": options.varying,
        "groups": options.groups,
        "task_features": options.task_features,
    }
    twice = [name for name, given in described.items() if given is not None]
    if twice or not isinstance(schema, Schema):
        found = f"also {listed(twice)}" if twice else type(schema).__name__
        raise InputError(message("schema", "a Schema that alone describes the features", found, "Keep one."))
    target, task = label_text(schema.target if y is None else y), label_text(task)
    check_column(frame, target, "y")
    check_column(frame, task, "task")
    values = complete_column(frame, target, "y")
    targets = _classes(values, schema) if schema.classes else _numbers(values, target)
    return arrange(
        {
            "x": schema.encode(frame),
            "row": np.arange(len(frame)),
            "step": None,
            "task": schema.encode_tasks(complete_column(frame, task, "task"), _NEW),
            "y": targets,
            "task_features": None,
            "schema": schema,
            "index": np.arange(len(frame)) if index is None else index,
            **observed_columns(named_columns(frame, options.observed), targets),
        }
    )


def _numbers(values: Any, target: str) -> np.ndarray:
    targets, classes = encode_targets(values, f"column {target!r}")
    if classes:
        raise InputError(
            message(f"column {target!r}", "numbers, as in the fitted data", listed(classes), "Convert it.")
        )
    return targets


def _classes(values: Any, schema: Schema) -> np.ndarray:
    codes, names = encode_labels(values, schema.target, unused="keep")
    place = {name: i for i, name in enumerate(schema.classes)}
    for name in names:
        if name not in place:
            raise InputError(
                message(
                    f"column {schema.target!r}",
                    f"one of the classes {listed(schema.classes)}",
                    repr(name),
                    f"{suggestion(name, schema.classes)}A class that was not in the data has no probability.",
                )
            )
    return np.take(np.array([place[name] for name in names], dtype=np.float64), codes)
