"""Which tasks to train together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message

if TYPE_CHECKING:
    import pandas as pd

_EXACT = 9
"""Tasks up to which every partition is tried: 21,147 of nine."""


def group_tasks(affinities: "pd.DataFrame", groups: int) -> list[list[str]]:
    """Split tasks into at most ``groups`` groups whose members help each other.

    What is maximised is the sum over tasks of the mean affinity that the other members of its group have for
    it; a task alone counts 0, so tasks that all the others harm stay alone. All partitions are tried up to
    nine tasks; beyond, groups are merged as long as that gains most, and then tasks change their groups one
    at a time as long as that gains.

    Parameters
    ----------
    affinities
        Of `affinities`: what a step on the row's task does for the column's.
    groups
        Most groups.

    Returns
    -------
    list
        Names of the tasks of each group.

    Raises
    ------
    InputError
        For a table that is not square, or has gaps off its diagonal; for ``groups`` below 1.

    Notes
    -----
    The search over groups is that of Standley et al., Which tasks should be learned together in multi-task
    learning? (ICML 2020), section 4, with affinities in place of trained groups (Fifty et al., NeurIPS 2021).
    """
    z = affinities.to_numpy(dtype=float)
    if z.ndim != 2 or z.shape[0] != z.shape[1] or not np.isfinite(z[~np.eye(len(z), dtype=bool)]).all():
        raise InputError(
            message("affinities", "a finite square table", f"shape {z.shape}", "Use more batches.")
        )
    if groups < 1:
        raise InputError(message("groups", "at least 1", groups, "Raise it."))
    z = np.where(np.eye(len(z), dtype=bool), 0.0, z)
    if len(z) <= _EXACT:
        best = max(_partitions(len(z), groups), key=lambda label: _value(z, label))
    else:
        best = _improved(z, _merged(z, groups), groups)
    names = [str(name) for name in affinities.index]
    return [[names[i] for i in np.flatnonzero(best == g)] for g in dict.fromkeys(best.tolist())]


def _value(z: np.ndarray, label: np.ndarray) -> float:
    same = label[:, None] == label
    others = np.maximum(same.sum(0) - 1, 1)
    return float(((z * same).sum(0) / others).sum())


def _partitions(number: int, groups: int) -> Iterator[np.ndarray]:
    """Labels of all partitions into at most ``groups`` groups, as restricted growth strings."""

    def grow(label: list[int], used: int) -> Iterator[np.ndarray]:
        if len(label) == number:
            yield np.array(label)
            return
        for g in range(min(used + 1, groups)):
            yield from grow([*label, g], max(used, g + 1))

    return grow([0], 1)


def _merged(z: np.ndarray, groups: int) -> np.ndarray:
    """Merge the two groups that gain most; down to ``groups`` even where it costs."""
    label = np.arange(len(z))
    while len(found := np.unique(label)) > 1:
        merged = [np.where(label == b, a, label) for i, a in enumerate(found) for b in found[i + 1 :]]
        best = max(merged, key=lambda one: _value(z, one))
        if len(found) <= groups and _value(z, best) <= _value(z, label):
            break
        label = best
    return label


def _improved(z: np.ndarray, label: np.ndarray, groups: int) -> np.ndarray:
    """Move single tasks while that gains."""
    while True:
        places = np.unique(label)
        free = [int(label.max()) + 1] if len(places) < groups else []
        moves = [(t, g) for t in range(len(z)) for g in [*places.tolist(), *free] if g != label[t]]
        moved = [np.where(np.arange(len(z)) == t, g, label) for t, g in moves]
        best = max(moved, key=lambda one: _value(z, one), default=label)
        if _value(z, best) <= _value(z, label) + 1e-12:
            return label
        label = best
