"""Predictions of what was left out, without fitting again."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

USABLE = 0.7
"""Pareto k above which importance weights cannot be trusted, however many draws there are."""


@dataclass(frozen=True, eq=False, repr=False)
class LeaveOneOut:
    """Log predictive density of each observation, or task, had it been left out of the fit.

    In nats and the user's units; higher is better.

    Attributes
    ----------
    over
        What is left out, one at a time: ``"observations"`` or ``"tasks"``.
    elpd
        ``[units]``: log predictive density of each observation or task given the others.
    gap
        ``[units]``: by how much it is better predicted where it is not left out. Their sum is the effective
        number of parameters.
    pareto_k
        ``[units]``: tail of the importance weights. Above `limit` an entry is unreliable, mostly too good;
        ``-inf`` where leaving it out changes nothing, NaN where it could not be judged.
    task
        ``[units]``: position of its task.
    tasks
        Names of the tasks.
    index
        ``[units]``: label of each observation as given, or name of each task.
    draws
        Number of draws that it was computed from.
    """

    over: Literal["observations", "tasks"]
    elpd: np.ndarray
    gap: np.ndarray
    pareto_k: np.ndarray
    task: np.ndarray
    tasks: tuple[str, ...]
    index: np.ndarray
    draws: int

    def __len__(self) -> int:
        return len(self.elpd)

    @property
    def total(self) -> float:
        """Sum of `elpd`."""
        return float(self.elpd.sum())

    @property
    def se(self) -> float:
        """Standard error of `total`, from the scatter over observations or tasks."""
        return float(np.sqrt(len(self) * self.elpd.var()))

    @property
    def limit(self) -> float:
        """Largest Pareto k that this number of draws supports; at most 0.7."""
        return min(1.0 - 1.0 / math.log10(max(self.draws, 11)), USABLE)

    @property
    def unreliable(self) -> np.ndarray:
        """``[units]``: whether its Pareto k is above `limit`, or is not known."""
        beyond: np.ndarray = ~(self.pareto_k <= self.limit)
        return beyond

    def to_frame(self) -> "pd.DataFrame":
        """One row an observation or task: task, elpd, gap, pareto_k, unreliable."""
        import pandas as pd

        columns = {
            "elpd": self.elpd,
            "gap": self.gap,
            "pareto_k": self.pareto_k,
            "unreliable": self.unreliable,
        }
        if self.over == "tasks":
            return pd.DataFrame(columns, index=pd.Index(self.index, name="task"))
        names = np.asarray(self.tasks, dtype=object)[self.task]
        return pd.DataFrame({"task": names, **columns}, index=pd.Index(self.index))

    @property
    def by_task(self) -> "pd.DataFrame":
        """Per task: number of units, their summed elpd and gap, the largest Pareto k, how many unreliable."""
        frame = self.to_frame().assign(units=1).reset_index(drop=self.over == "observations")
        how = {"units": "sum", "elpd": "sum", "gap": "sum", "pareto_k": "max", "unreliable": "sum"}
        table = frame.groupby("task", sort=False).agg(how)
        return table.reindex([name for name in self.tasks if name in table.index])

    def __repr__(self) -> str:
        text = (
            f"LeaveOneOut(elpd {self.total:.1f}, standard error {self.se:.1f}, over {len(self):,} {self.over}"
        )
        bad = self.unreliable
        if bad.any():
            text += f"; {int(bad.sum()):,} unreliable (Pareto k above {self.limit:.2f})"
        return f"{text})"
