"""Data as a notebook shows them."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._html import card, some
from bayes_mtl.data._arrange import OBSERVED

if TYPE_CHECKING:
    from bayes_mtl.data._abstract_task_data import AbstractTaskData

_MOST_TASKS = 10
_PLACES = ("row", "task", "y", "index")


def describe(data: "AbstractTaskData") -> str:
    """HTML: how many of what, under which names, and the largest and smallest tasks."""
    schema, counts = data.schema, data.counts
    given = [name for name in OBSERVED if name not in _PLACES and getattr(data, name) is not None]
    steps = f", {data.x.shape[1]:,} steps at most" if data.x.ndim == 3 else ""
    target = schema.target if len(schema.classes) else f"{schema.target}{_range(data.y)}"
    facts = {
        "tasks": f"{len(counts):,}: {some(schema.tasks)}",
        "observations": f"{len(data):,} of {len(data.x):,} rows{steps}",
        "per task": f"{counts.min():,} to {counts.max():,}, median {int(np.median(counts)):,}",
        "target": target,
        "classes": some(schema.classes),
        "features": some(("Intercept", *schema.features) if schema.intercept else schema.features),
        "shared by all tasks": some(schema.fixed),
        "groups of features": some(dict.fromkeys(schema.groups)),
        "features of tasks": some(schema.task_features),
        "columns": some(given),
    }
    order = np.argsort(-counts, kind="stable")
    if len(order) > 2 * _MOST_TASKS:
        order = np.concatenate([order[:_MOST_TASKS], order[-_MOST_TASKS:]])
        which = f"Observations of the {_MOST_TASKS} largest and {_MOST_TASKS} smallest tasks"
    else:
        which = "Observations of each task"
    return card("TaskData", facts, {which: {schema.tasks[t]: f"{counts[t]:,}" for t in order}})


def _range(y: np.ndarray) -> str:
    return f", from {y.min():.4g} to {y.max():.4g}" if len(y) else ""
