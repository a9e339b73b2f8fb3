"""Observations of tasks and the rows they refer to, however they were made."""

from abc import ABC
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np

from bayes_mtl.data._arrange import OBSERVED, arrange
from bayes_mtl.data._dataset_rows import Rows
from bayes_mtl.data._describe import describe
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._split import chosen_positions, own_tasks, split_positions

Data = TypeVar("Data", bound="AbstractTaskData")


@dataclass(frozen=True, eq=False, repr=False)
class AbstractTaskData(ABC):
    """What `TaskData` holds, and how parts of it are taken; its constructors are all that is left to say.

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
    step, noise, offset, trials, weight, censored
        ``[observations]`` each, or None; ``step`` is int64, ``censored`` boolean, the others float64.
    task_features
        ``[tasks, task features]`` float64, or None.
    length
        ``[rows]`` int64: steps of each row that are no padding; None where all are valid.
    """

    x: Rows
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
    length: np.ndarray | None = None

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

    def _repr_html_(self) -> str:
        return describe(self)

    def subset(self: Data, which: Any) -> Data:
        """Take the observations ``which`` (a mask or positions), with the same schema."""
        chosen = chosen_positions(which, len(self))
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        parts |= {name: parts[name][chosen] for name in OBSERVED if parts[name] is not None}
        return replace(self, **arrange(parts))

    def split(
        self: Data, test: float = 0.25, seed: int = 0, by: Literal["rows", "tasks"] = "rows"
    ) -> tuple[Data, Data]:
        """Split into training and test data, in this order.

        Parameters
        ----------
        test
            Fraction held out.
        seed
            Seed of the split; the caller's random numbers are left alone.
        by
            ``"rows"``: observations within tasks, of which at least one stays in training; both sides
            know all tasks, so a task may have none in the test. Sequences are held out whole, with all
            of their observations. ``"tasks"``: whole tasks; each side knows its own.
        """
        sequence = self.row if self.x.ndim == 3 else None
        held_out = split_positions(self.task, len(self.schema.tasks), test, seed, by, sequence)
        sides = self.subset(~held_out), self.subset(held_out)
        if by == "rows":
            return sides
        train, test_side = (
            replace(side, **own_tasks(side.task, side.schema, side.task_features)) for side in sides
        )
        return train, test_side
