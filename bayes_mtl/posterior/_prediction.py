"""Predictions with their uncertainty."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


_MOST_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """Predictions, one entry an observation, in the user's units.

    Attributes
    ----------
    mean
        ``[observations]``: expected target (for two classes the probability of the second).
    sd, lower, upper
        ``[observations]``: standard deviation and ends of the central interval of probability ``level``.
    level
        Probability of the interval.
    kind
        ``"target"``: sd and interval are of a new observation; ``"mean"``: of its expectation.
    task
        ``[observations]``: name of the task.
    index
        ``[observations]``: label of each observation as given.
    draws
        ``[draws, observations]`` of the target or its mean, or None where they were not asked for.
    probabilities
        ``[observations, classes]``, or None.
    classes
        Names of the classes.
    """

    mean: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float
    kind: str
    task: np.ndarray
    index: np.ndarray
    draws: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.mean)

    def __repr__(self) -> str:
        return (
            f"Prediction({len(self):,} observations, {100 * self.level:.4g} % intervals of the {self.kind})"
        )

    def _repr_html_(self) -> str:
        table = self.to_frame()
        rest = f" (first {_MOST_ROWS})" if len(table) > _MOST_ROWS else ""
        html: str = table.head(_MOST_ROWS).to_html(float_format="{:.4g}".format)
        return f"<p>{escape(repr(self))}{rest}</p>{html}"

    def to_frame(self) -> "pd.DataFrame":
        """One row an observation: task, mean, sd, lower, upper, and a column for each class."""
        import pandas as pd

        columns = {
            "task": self.task,
            "mean": self.mean,
            "sd": self.sd,
            "lower": self.lower,
            "upper": self.upper,
        }
        if self.probabilities is not None:
            names = self.classes or tuple(str(i) for i in range(self.probabilities.shape[1]))
            columns |= {f"P({name})": self.probabilities[:, i] for i, name in enumerate(names)}
        return pd.DataFrame(columns, index=pd.Index(self.index))
