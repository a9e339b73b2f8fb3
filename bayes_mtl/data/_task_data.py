"""Rows, and observations of tasks that refer to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrange import OBSERVED, arrange
from bayes_mtl.data._arrays_parts import array_parts
from bayes_mtl.data._schema import Schema


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
        """Data from arrays.

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
        observed = {
            "noise": noise, "offset": offset, "trials": trials, "weight": weight, "censored": censored,
        }  # fmt: skip
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
        """The observations ``which`` (a mask or positions), with the same schema."""
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
        """Split."""
        raise NotImplementedError


def listed_range(chosen: np.ndarray) -> str:
    """Extent of positions, for messages."""
    return f"{chosen.min()} to {chosen.max()}" if chosen.size else "none"
