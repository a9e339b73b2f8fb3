"""Rows, and observations of tasks that refer to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrange import OBSERVED, arrange
from bayes_mtl.data._arrays_parts import array_parts
from bayes_mtl.data._frame_parts import frame_parts
from bayes_mtl.data._outputs_parts import output_parts
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._split import split_positions


@dataclass(frozen=True, eq=False, repr=False)
class TaskData:
    """Data of many tasks: inputs once per row, targets as observations ``(row, task[, step]) -> y``.

    Made by `from_frame`, `from_arrays` or `from_outputs`. Observations are sorted by task. In memory,
    row ``i`` belongs to observation ``i`` where each row has exactly one; memory-mapped inputs stay
    where they are and ``row`` points into them.

    Attributes
    ----------
    x
        ``[rows, features]`` or ``[rows, steps, features]``, in the user's units, columns as in
        ``schema.columns``.
    row, task
        ``[observations]`` int64.
    y
        ``[observations]`` float64: the target, or the position of its class.
    schema
        Names of everything.
    index
        ``[observations]``: label (from a frame) or position of each observation as it was given.
    step
        ``[observations]`` int64, or None.
    noise, offset, trials, weight, censored
        ``[observations]`` each, or None.
    task_features
        ``[tasks, task features]`` float64, or None.
    """

    x: np.ndarray
    row: np.ndarray
    task: np.ndarray
    y: np.ndarray
    schema: Schema
    index: np.ndarray
    step: np.ndarray | None = None
    noise: np.ndarray | None = None
    offset: np.ndarray | None = None
    trials: np.ndarray | None = None
    weight: np.ndarray | None = None
    censored: np.ndarray | None = None
    task_features: np.ndarray | None = None

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        task: Any,
        *,
        row: Any = None,
        step: Any = None,
        feature_names: Sequence[str] | None = None,
        task_names: Sequence[str] | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        noise: Any = None,
        offset: Any = None,
        trials: Any = None,
        weight: Any = None,
        censored: Any = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from arrays.

        Parameters
        ----------
        x
            ``[rows, features]`` or ``[rows, steps, features]``: array, tensor, frame or memory map.
        y
            ``[observations]``; text, booleans and categories become classes.
        task
            ``[observations]`` labels; with ``task_names``, positions or names among them.
        row, step
            ``[observations]`` positions in ``x``; without ``row``, observation ``i`` has row ``i``.
        feature_names, task_names
            Names; default ``x0, x1, ...`` and the sorted labels.
        varying
            Features whose weights vary by task; the others have one weight for all. Default: all vary.
        groups
            Group -> features, or feature -> group.
        task_features
            ``[tasks, task features]`` in the order of the tasks, or a frame indexed by task.
        noise, offset, trials, weight, censored
            ``[observations]``: known standard deviation, offset of the linear predictor (log exposure),
            number of trials, weight of the log-likelihood, whether ``y`` is only a lower bound.
        intercept
            Whether a constant feature is put in front.

        Raises
        ------
        InputError, InputTypeError
            For anything missing, of the wrong length, out of range or of the wrong kind.
        """
        observed = dict(noise=noise, offset=offset, trials=trials, weight=weight, censored=censored)
        return cls(
            **array_parts(
                x,
                y,
                task,
                row=row,
                step=step,
                feature_names=feature_names,
                task_names=task_names,
                varying=varying,
                groups=groups,
                task_features=task_features,
                intercept=intercept,
                index=None,
                target=str(getattr(y, "name", None) or "y"),
                observed=observed,
            )
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        y: str | None = None,
        task: str,
        x: Sequence[str] | None = None,
        formula: str | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        noise: str | None = None,
        offset: str | None = None,
        trials: str | None = None,
        weight: str | None = None,
        censored: str | None = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from a long table, one row an observation.

        Parameters
        ----------
        frame
            DataFrame (or mapping of columns); it is copied.
        y, task
            Columns of the target and the task; ``y`` may stand left in ``formula`` instead.
        x
            Numeric or boolean columns.
        formula
            Instead of ``x``: ``"y ~ a + C(b) + bs(c, df=4)"`` or its right side. New rows are encoded
            the same way. ``- 1`` leaves the intercept out.
        varying
            Features (or terms of the formula) whose weights vary by task; the others have one weight
            for all. Default: all vary; ``[]``: only the intercept does.
        groups
            Group -> features, or feature -> group.
        task_features
            Columns that are constant within each task, or a frame indexed by task.
        noise, offset, trials, weight, censored
            Names of columns, as in `from_arrays`.
        intercept
            Whether a constant feature is put in front.

        Raises
        ------
        InputError, InputTypeError
            For anything missing, unknown, out of range or of the wrong kind.
        """
        observed = dict(noise=noise, offset=offset, trials=trials, weight=weight, censored=censored)
        return cls(
            **frame_parts(
                frame,
                y=y,
                task=task,
                x=x,
                formula=formula,
                varying=varying,
                groups=groups,
                task_features=task_features,
                intercept=intercept,
                observed=observed,
            )
        )

    @classmethod
    def from_outputs(
        cls,
        x: Any,
        Y: Any,
        *,
        task_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        varying: Sequence[str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | None = None,
        task_features: Any = None,
        intercept: bool = True,
    ) -> "TaskData":
        """Make data from a table with one column of targets a task, inputs once per row.

        Parameters
        ----------
        x
            ``[rows, features]``.
        Y
            ``[rows, tasks]``; NaN where there is no label.
        task_names, feature_names
            Names; default those of frames, else ``task0, ...`` and ``x0, ...``.
        varying, groups, task_features, intercept
            As in `from_arrays`.

        Raises
        ------
        InputError, InputTypeError
            For anything missing, of the wrong length, out of range or of the wrong kind.
        """
        return cls(
            **output_parts(
                x,
                Y,
                task_names=task_names,
                feature_names=feature_names,
                varying=varying,
                groups=groups,
                task_features=task_features,
                intercept=intercept,
            )
        )

    @property
    def counts(self) -> np.ndarray:
        """``[tasks]``: number of observations of each task."""
        return np.bincount(self.task, minlength=len(self.schema.tasks))

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        counts = self.counts
        per_task = f"{counts.min()}/{int(np.median(counts))}/{counts.max()}"
        fixed = f" + {len(self.schema.fixed)} fixed" if self.schema.fixed else ""
        classes = f", {len(self.schema.classes)} classes" if self.schema.classes else ""
        return (
            f"TaskData({len(counts)} tasks, {len(self):,} observations of {self.schema.target!r}{classes}, "
            f"{len(self.schema.features)}{fixed} features, per task min/median/max {per_task})"
        )

    def subset(self, which: Any) -> "TaskData":
        """Take the observations ``which`` (a mask or positions), with the same schema."""
        which = np.asarray(which)
        if which.dtype == bool and which.shape != (len(self),):
            raise InputError(
                message(
                    "which", f"a mask of {len(self)} observations", f"shape {which.shape}", "Mask every one."
                )
            )
        if which.dtype.kind not in "biu":
            raise InputTypeError(
                message("which", "a mask or positions", f"dtype {which.dtype}", "Pass booleans or integers.")
            )
        chosen = np.flatnonzero(which) if which.dtype == bool else which
        if not chosen.size or chosen.ndim != 1 or chosen.min() < 0 or chosen.max() >= len(self):
            raise InputError(
                message("which", f"positions from 0 to {len(self) - 1}", listed_range(chosen), "Choose some.")
            )
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        parts |= {name: parts[name][chosen] for name in OBSERVED if parts[name] is not None}
        return replace(self, **arrange(parts))

    def split(
        self, test: float = 0.25, seed: int = 0, by: Literal["rows", "tasks"] = "rows"
    ) -> tuple["TaskData", "TaskData"]:
        """Training and test data.

        Parameters
        ----------
        test
            Fraction held out.
        seed
            Seed of the split; the caller's random numbers are left alone.
        by
            ``"rows"``: observations within tasks, of which at least one stays in training; both sides
            know all tasks, so a task may have none in the test. ``"tasks"``: whole tasks; each side
            knows its own.

        Returns
        -------
        tuple of TaskData
            Training, test.
        """
        held_out = split_positions(self.task, len(self.schema.tasks), test, seed, by)
        sides = self.subset(~held_out), self.subset(held_out)
        return sides if by == "rows" else (sides[0]._own_tasks(), sides[1]._own_tasks())

    def _own_tasks(self) -> "TaskData":
        """The same observations, knowing only the tasks they belong to."""
        present, position = np.unique(self.task, return_inverse=True)
        return replace(
            self,
            task=position.astype(np.int64),
            schema=self.schema.with_tasks(tuple(self.schema.tasks[i] for i in present)),
            task_features=None if self.task_features is None else self.task_features[present],
        )


def listed_range(chosen: np.ndarray) -> str:
    """Extent of positions, for messages."""
    return f"{chosen.min()} to {chosen.max()}" if chosen.size else "none"
