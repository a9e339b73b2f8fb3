"""Tables that are larger than a machine: their sums by task are computed where the rows are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_mtl.data._moments import Moments
from bayes_mtl.data._scaling import Scaling
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._statistics import Statistics
from bayes_mtl.data._table_part import add_sums, examine_part, sum_part
from bayes_mtl.data._table_parts import dask_frame, merge_parts, of_all_parts
from bayes_mtl.data._task_data import TaskData


@dataclass(frozen=True, eq=False, repr=False)
class TaskTable:
    """A table of many tasks in parts, of which only sums by task ever come together (extra ``distributed``).

    What `TaskData` is for rows in memory, for models whose likelihood needs no more than these sums: Gaussian
    ones without a network that is trained, fitted by `Collapsed`, `Trees` or `CoordinateAscent`. Dask reads
    the parts, on its cluster where there is a client, else with all cores of this machine. They are read
    twice: when the table is made, and by the fit. Made by `from_parquet` or `from_dask`.

    Attributes
    ----------
    schema
        Names of everything.
    task_features
        ``[tasks, task features]`` float64, or None.
    counts
        ``[tasks]``: number of observations of each task.
    features
        Moments of the features.
    targets
        Moments of each task's targets, less the offset. Observations of weight 0 are left out of both.
    columns
        Arguments of `TaskData.from_frame` for every part.
    frame
        The Dask DataFrame.
    """

    schema: Schema
    task_features: np.ndarray | None
    counts: np.ndarray
    features: Moments
    targets: Moments
    columns: Mapping[str, Any]
    frame: Any

    @classmethod
    def from_parquet(
        cls,
        path: str | Sequence[str],
        *,
        y: str,
        task: str,
        x: Sequence[str],
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: str | Sequence[str] | None = None,
        noise: str | None = None,
        offset: str | None = None,
        weight: str | None = None,
        intercept: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> "TaskTable":
        """Make a table from parquet files, one row an observation.

        Parameters
        ----------
        path
            Folder, file, pattern or list of them, local or remote (``s3://...``), that every worker can read.
        y, task, x
            Columns of the target, the task, and the features (numeric or boolean).
        varying, groups, intercept
            As in `TaskData.from_frame`.
        task_features
            Columns that are constant within each task.
        noise, offset, weight
            Columns: known standard deviation, offset of the linear predictor, weight of the log-likelihood.
        storage_options
            For the file system, as Dask takes them.

        Raises
        ------
        InputError, InputTypeError
            As `TaskData.from_frame`.
        UnsupportedError
            Without Dask.

        Notes
        -----
        A worker holds one part at a time: row groups of some 100 MB are a good size. Tasks are sorted by
        their label, categories as well.
        """
        several = [] if task_features is None else task_features
        names = [y, task, *x, *([several] if isinstance(several, str) else several), noise, offset, weight]
        frame = dask_frame(path, [name for name in dict.fromkeys(names) if name is not None], storage_options)
        return cls.from_dask(
            frame, y=y, task=task, x=x, varying=varying, groups=groups, task_features=task_features,
            noise=noise, offset=offset, weight=weight, intercept=intercept,
        )  # fmt: skip

    @classmethod
    def from_dask(
        cls,
        frame: Any,
        *,
        y: str,
        task: str,
        x: Sequence[str],
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: str | Sequence[str] | None = None,
        noise: str | None = None,
        offset: str | None = None,
        weight: str | None = None,
        intercept: bool = True,
    ) -> "TaskTable":
        """Make a table from a Dask DataFrame, which may have been filtered and computed with.

        Parameters
        ----------
        frame
            ``dask.dataframe.DataFrame``, one row an observation.
        y, task, x, varying, groups, task_features, noise, offset, weight, intercept
            As in `from_parquet`, also the errors.
        """
        several = [task_features] if isinstance(task_features, str) else task_features
        columns = dict(
            y=y, task=task, x=list(x), varying=varying, groups=groups, noise=noise, offset=offset,
            weight=weight, intercept=intercept, task_features=None if several is None else list(several),
        )  # fmt: skip
        parts = of_all_parts(frame, examine_part, columns)
        return cls(**merge_parts(parts), columns=columns, frame=frame)

    def gram(self, scaling: Scaling) -> Statistics:
        """Per-task sums of the standardised design's products, as `gram` of all rows."""
        tasks = {name: i for i, name in enumerate(self.schema.tasks)}
        (found,) = of_all_parts(self.frame, sum_part, (self.columns, scaling, tasks), add_sums)
        return found[1]

    def without_rows(self) -> TaskData:
        """Data of the same names and columns, and no observations."""
        none = np.zeros(0)
        present = {name: none for name in ("noise", "offset", "weight") if self.columns[name] is not None}
        whole = np.zeros(0, dtype=np.int64)
        return TaskData(
            np.zeros((0, len(self.schema.columns))), whole, whole, none, self.schema, whole,
            task_features=self.task_features, **present,
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __repr__(self) -> str:
        names = len(self.schema.features), len(self.schema.fixed)
        fixed = f" + {names[1]} fixed" if names[1] else ""
        return (
            f"TaskTable({len(self.counts)} tasks, {len(self):,} observations of {self.schema.target!r}, "
            f"{names[0]}{fixed} features)"
        )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"A TaskTable holds sums by task and no rows, so it has no '{name}'. Fit it with Collapsed, "
            "and pass TaskData to what needs rows."
        )
