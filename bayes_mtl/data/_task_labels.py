"""Tasks of observations, as positions and names."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_array, as_indices
from bayes_mtl.data._labels import encode_labels
from bayes_mtl.data._names import listed, name_list, repeated, suggestion


def encode_tasks(
    task: Any, task_names: Sequence[str] | None, size: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Position ``[observations]`` and names of tasks, each with at least one observation.

    Without ``task_names`` labels are sorted (pandas categories keep their order); with them, ``task``
    holds positions of names, or names.
    """
    if task_names is None:
        codes, names = encode_labels(task, "task")
    else:
        names = name_list(task_names, "task_names")
        codes = _among(task, names, size)
    if len(codes) != size:
        raise InputError(
            message("task", f"{size} labels, one an observation", len(codes), "Make the lengths agree.")
        )
    empty = np.bincount(codes, minlength=len(names)) == 0
    if empty.any():
        without = [name for name, none in zip(names, empty, strict=True) if none]
        raise InputError(
            message(
                "task",
                "at least one observation in every task",
                f"none in {listed(without)}",
                "Leave these tasks out; predict(new_task=True) covers tasks without data.",
            )
        )
    return codes, names


def _among(task: Any, names: tuple[str, ...], size: int) -> np.ndarray:
    if repeated(names):
        raise InputError(
            message("task_names", "different names", listed(repeated(names)), "Rename one of them.")
        )
    plain = np.asarray(task)
    if plain.dtype.kind in "iu" or (plain.dtype.kind == "f" and plain.size):
        return as_indices(as_array(task, "task"), "task", size, len(names), "tasks")
    codes, found = encode_labels(task, "task")
    for name in found:
        if name not in names:
            raise InputError(
                message(
                    "task",
                    f"names among task_names ({listed(names)})",
                    repr(name),
                    f"{suggestion(name, names)}Add it to task_names or drop its observations.",
                )
            )
    place = np.array([names.index(name) for name in found], dtype=np.int64)
    return np.take(place, codes)
