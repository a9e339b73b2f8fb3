"""The task column of a table taken apart from its features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._names import label_text, listed, suggestion

if TYPE_CHECKING:
    import pandas as pd

ONLY_TASK = "all"
"""Name of the task where there is no task column."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What the columns of ``X`` are for.

    Attributes
    ----------
    names
        Names of all columns (their positions as text where they have none).
    task
        Position of the task column, or None.
    of_tasks
        Positions of the columns that describe tasks.
    """

    names: tuple[str, ...]
    task: int | None
    of_tasks: tuple[int, ...]

    @classmethod
    def of(cls, names: Any, width: int, task: Any, task_features: Any) -> "Columns":
        """Positions of the columns that the settings of an estimator name; ``names`` may be None."""
        known = tuple(f"x{i}" for i in range(width)) if names is None else tuple(map(str, names))
        place = None if task is None else _position(task, known, "task")
        described = [_position(column, known, "task_features") for column in task_features or ()]
        if place is None and described:
            raise InputError(
                message("task_features", "none without a task column", task_features, "Pass task=, too.")
            )
        return cls(known, place, tuple(described))

    @property
    def features(self) -> list[int]:
        """Positions of all other columns."""
        return [i for i in range(len(self.names)) if i != self.task and i not in self.of_tasks]

    @property
    def feature_names(self) -> list[str]:
        """Names of these."""
        return [self.names[i] for i in self.features]

    def rows(self, X: Any) -> Any:
        """The columns of the features; ``X`` itself where there are no others."""
        if self.task is None:
            return X
        if not self.features:
            return np.empty((_num_samples(X), 0))
        return _safe_indexing(_indexable(X), self.features, axis=1)

    def labels(self, X: Any, number: int) -> np.ndarray:
        """``[rows]``: label of the task of each row, as it stands there."""
        if self.task is None:
            return np.full(number, ONLY_TASK, dtype=object)
        column = np.asarray(_safe_indexing(_indexable(X), self.task, axis=1), dtype=object)
        missing = np.array([label is None or label != label for label in column], dtype=bool)
        if missing.any():
            found = f"missing in {int(missing.sum())} rows"
            raise InputError(message("task", "a label for every row", found, "Fill or drop them."))
        return column

    def texts(self, X: Any, number: int) -> np.ndarray:
        """``[rows]``: name of the task of each row, as a posterior has it."""
        return np.array([label_text(label) for label in self.labels(X, number)], dtype=object)

    def table(self, X: Any, labels: np.ndarray) -> "pd.DataFrame | None":
        """Features of tasks, one row a task in the order of their first rows, or None."""
        if not self.of_tasks:
            return None
        import pandas as pd

        values = np.asarray(_safe_indexing(_indexable(X), list(self.of_tasks), axis=1), dtype=np.float64)
        frame = pd.DataFrame(values, columns=[self.names[i] for i in self.of_tasks])
        tasks = frame.groupby(labels, sort=False)
        uneven = tasks.nunique(dropna=False).max(axis=1) > 1
        if uneven.any():
            found = f"several values in {listed(uneven.index[uneven])}"
            raise InputError(
                message("task_features", "columns that are constant within each task", found, "Average them.")
            )
        return tasks.first()


def check_two_axes(X: Any) -> None:
    """Refuse what is no table."""
    shape = X.shape if hasattr(X, "shape") else np.shape(np.asarray(X, dtype=object))
    if len(shape) != 2:
        raise InputError(message("X", "a table, [rows, columns]", f"shape {shape}", "Reshape your data."))


def _indexable(X: Any) -> Any:
    return X if hasattr(X, "shape") else np.asarray(X, dtype=object)


def _position(column: Any, names: tuple[str, ...], argument: str) -> int:
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        if -len(names) <= column < len(names):
            return int(column) % len(names)
    elif column in names:
        return names.index(column)
    raise InputError(
        message(
            argument,
            f"a column of X ({listed(names)}) or its position",
            repr(column),
            f"{suggestion(column, names)}Arrays have positions only: set_output(transform='pandas').",
        )
    )
