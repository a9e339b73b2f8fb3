"""Which observations to take."""

from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._schema import Schema


def chosen_positions(which: Any, length: int) -> np.ndarray:
    """Positions of chosen observations, from a mask or positions."""
    which = np.asarray(which)
    if which.dtype.kind not in "biu" or which.ndim != 1:
        raise InputTypeError(
            message(
                "which",
                "a flat mask or positions",
                f"dtype {which.dtype}, shape {which.shape}",
                "Use booleans or integers.",
            )
        )
    if which.dtype == bool:
        if len(which) != length:
            raise InputError(
                message("which", f"a mask of {length} observations", len(which), "Mask every observation.")
            )
        which = np.flatnonzero(which)
    if not which.size:
        raise InputError(message("which", "at least one observation", "none", "Choose some."))
    if which.min() < 0 or which.max() >= length:
        raise InputError(
            message(
                "which",
                f"positions from 0 to {length - 1}",
                f"{which.min()} to {which.max()}",
                "Stay inside.",
            )
        )
    return np.asarray(which, dtype=np.int64)


def own_tasks(task: np.ndarray, schema: Schema, task_features: np.ndarray | None) -> dict[str, Any]:
    """Fields of TaskData that change when only tasks with an observation are kept."""
    present, position = np.unique(task, return_inverse=True)
    return {
        "task": position.astype(np.int64),
        "schema": schema.with_tasks(tuple(schema.tasks[i] for i in present)),
        "task_features": None if task_features is None else task_features[present],
    }


def split_positions(
    task: np.ndarray, tasks: int, test: float, seed: int, by: Any, sequence: np.ndarray | None = None
) -> np.ndarray:
    """``[observations]`` bool: which observations are held out for testing.

    By rows, a fraction ``test`` of each task's observations (rounded at random so that it holds over
    all tasks), at least one of each staying in training; given the ``sequence`` of each observation, all
    observations of a fraction of the sequences. By tasks, all observations of a fraction of the tasks.
    """
    if by not in ("rows", "tasks"):
        raise InputError(message("by", "'rows' or 'tasks'", repr(by), "Choose one."))
    if isinstance(test, bool) or not isinstance(test, (int, float)) or not 0 < test < 1:
        raise InputError(message("test", "a fraction between 0 and 1", repr(test), "Try test=0.25."))
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputTypeError(message("seed", "an integer of at least 0", repr(seed), "Try seed=0."))
    rng = np.random.default_rng(seed)
    if by == "tasks":
        if tasks < 2:
            raise InputError(message("by", "at least 2 tasks to split", tasks, "Split by='rows'."))
        held = min(max(1, round(test * tasks)), tasks - 1)
        return np.isin(task, rng.permutation(tasks)[:held])
    if sequence is not None:
        return _split_sequences(task, sequence, test, rng)
    counts = np.bincount(task, minlength=tasks)
    if not (counts > 1).any():
        raise InputError(
            message("test", "a task with an observation to spare", "one in each", "Split by='tasks'.")
        )
    # Systematic rounding: the total is within one of its share, and no task is favoured.
    bounds = np.floor(test * np.cumsum(counts) + rng.random()).astype(np.int64)
    quota = np.minimum(np.diff(bounds, prepend=0), np.maximum(counts - 1, 0))
    if not quota.any():
        quota[rng.choice(np.flatnonzero(counts > 1))] = 1
    # Observations in random order within each task (they are sorted by task): the first go to the test.
    shuffled = np.lexsort((rng.random(len(task)), task))
    rank = np.arange(len(task)) - np.repeat(np.cumsum(counts) - counts, counts)
    held_out = np.zeros(len(task), dtype=bool)
    held_out[shuffled[rank < quota[task]]] = True
    return held_out


def _split_sequences(
    task: np.ndarray, sequence: np.ndarray, test: float, rng: np.random.Generator
) -> np.ndarray:
    used, place = np.unique(sequence, return_inverse=True)
    order = rng.permutation(len(used))
    rank = np.argsort(order)
    held = max(1, round(test * len(used)))
    # The last of each task's sequences in this order stays in training.
    last = np.zeros(int(task.max()) + 1, dtype=np.int64)
    np.maximum.at(last, task, rank[place])
    staying = np.zeros(len(used), dtype=bool)
    staying[order[last]] = True
    free = order[~staying[order]]
    if not len(free):
        raise InputError(
            message("test", "a sequence to spare", "a task with no other in each", "Split by='tasks'.")
        )
    return np.isin(place, free[:held])
