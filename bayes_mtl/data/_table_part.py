"""What is computed of one part of a table, where that part is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._counted import weighted
from bayes_mtl.data._gram import gram
from bayes_mtl.data._labels import is_categorical
from bayes_mtl.data._moments import Moments
from bayes_mtl.data._names import label_text
from bayes_mtl.data._scaling import Scaling, feature_moments
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._statistics import Statistics
from bayes_mtl.data._task_data import TaskData


@dataclass(frozen=True, eq=False)
class TablePart:
    """What is known of a table after a part of its rows.

    Attributes
    ----------
    labels
        Of its tasks, as the table has them.
    schema
        Names; its tasks are these, in the same order.
    task_features
        ``[tasks, task features]``, or None.
    counts
        ``[tasks]``: number of observations.
    features, targets
        Moments of the features, and of each task's targets less the offset, where the weight is above 0.
    """

    labels: Sequence[Any]
    schema: Schema
    task_features: np.ndarray | None
    counts: np.ndarray
    features: Moments
    targets: Moments


def read_part(frame: Any, columns: Mapping[str, Any]) -> TaskData:
    """A part of a table as data of its own tasks.

    Parameters
    ----------
    frame
        pandas DataFrame, not empty.
    columns
        Arguments of `TaskData.from_frame`.
    """
    task = columns["task"]
    if task in frame.columns and is_categorical(frame[task]):
        # Categories may differ from part to part, and a part need not have all.
        frame = frame.assign(**{task: frame[task].astype(object)})
    data = TaskData.from_frame(frame, **columns)
    if data.schema.classes:
        raise InputError(
            message("y", "numbers", f"classes {data.schema.classes[:3]}", "Use TaskData and SVI.")
        )
    return data


def examine_part(frame: Any, columns: Mapping[str, Any]) -> TablePart | None:
    """The first pass over a part; None where it has no rows."""
    if not len(frame):
        return None
    data = read_part(frame, columns)
    labels = {label_text(label): label for label in frame[columns["task"]].unique().tolist()}
    own, tasks = weighted(data), len(data.schema.tasks)
    response = own.y if own.offset is None else own.y - own.offset
    present, place = np.unique(own.task, return_inverse=True)
    return TablePart(
        labels=[labels[name] for name in data.schema.tasks],
        schema=data.schema,
        task_features=data.task_features,
        counts=data.counts,
        features=feature_moments(own),
        targets=Moments.by_group(response, place, len(present)).among(present, tasks),
    )


def sum_part(
    frame: Any, known: tuple[Mapping[str, Any], Scaling, Mapping[str, int]]
) -> tuple[np.ndarray, Statistics] | None:
    """The second pass: positions of the part's tasks among all, and the tasks' sums; None without rows."""
    if not len(frame):
        return None
    columns, scaling, tasks = known
    data = read_part(frame, columns)
    place = np.array([tasks[name] for name in data.schema.tasks])
    return place, gram(data, replace(scaling, shift=scaling.shift[place], spread=scaling.spread[place]))


def add_sums(parts: Sequence[tuple[np.ndarray, Statistics] | None]) -> tuple[np.ndarray, Statistics] | None:
    """Sums of several parts, over the tasks that any of them has."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    every, position = np.unique(np.concatenate([place for place, _ in found]), return_inverse=True)
    index = torch.from_numpy(position)
    sums = {}
    for f in fields(Statistics):
        values = torch.cat([getattr(one, f.name) for _, one in found])
        sums[f.name] = values.new_zeros(len(every), *values.shape[1:]).index_add(0, index, values)
    return every, Statistics(**sums)


def same_for_task(values: np.ndarray, place: np.ndarray, known: np.ndarray, schema: Schema) -> None:
    """Put task features of a part in their places of ``known``, where each has one value.

    Raises
    ------
    InputError
        Where another part has other values for the same task.
    """
    before = known[place]
    differs = ~np.isnan(before) & (before != values)
    if differs.any():
        task, column = np.argwhere(differs)[0]
        raise InputError(
            message(
                "task_features",
                f"one value of {schema.task_features[column]!r} within each task",
                f"several in task {schema.tasks[task]!r}",
                "Average it by task, or use it as a feature in x=.",
            )
        )
    known[place] = values
