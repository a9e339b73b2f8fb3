"""Held-out log predictive density, per observation, per task and in all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import Batch
from bayes_mtl.model import Program
from bayes_mtl.posterior._evaluate import chunks, distribution, in_order

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Score:
    """Log predictive density of observations, in nats and the user's units; higher is better.

    The difference ``a - b`` of the scores of two posteriors on the same observations is again a score: its
    `mean` is what the first gains an observation, and `se` says whether that is more than luck.

    Attributes
    ----------
    log_density
        ``[observations]``: log of the mean over draws of each observation's density.
    together
        ``[tasks]``: the same of all observations of a task together. A new task's observations share its
        unknown weights, which makes them dependent: then this is what tells a good prior.
    task
        ``[observations]``: position of its task.
    tasks
        Names of the tasks.
    """

    log_density: np.ndarray
    together: np.ndarray
    task: np.ndarray
    tasks: tuple[str, ...]
    _of: np.ndarray = field(repr=False)
    """``[observations]``: the targets, by which `__sub__` knows the same observations."""

    def __len__(self) -> int:
        return len(self.log_density)

    @property
    def mean(self) -> float:
        """Mean over observations."""
        return float(self.log_density.mean())

    @property
    def total(self) -> float:
        """Sum over observations."""
        return float(self.log_density.sum())

    @cached_property
    def se(self) -> float:
        """Standard error of `mean`, over tasks: observations of one task share their luck.

        Liang and Zeger (Biometrika 1986), with the factor ``T / (T - 1)``. With a single task, over its
        observations as if they were independent.
        """
        left, number = self.log_density - self.mean, len(self)
        used, place = np.unique(self.task, return_inverse=True)  # tasks may have nothing held out
        sums = np.bincount(place, weights=left) if len(used) > 1 else left
        factor = len(sums) / max(len(sums) - 1, 1)
        return float(np.sqrt(factor * np.square(sums).sum()) / number)

    @property
    def by_task(self) -> "pd.DataFrame":
        """Per task: number of observations, mean, its standard error over them, total, and `together`."""
        import pandas as pd

        frame = pd.DataFrame({"task": self.task, "log": self.log_density}).groupby("task")["log"]
        rows = range(len(self.tasks))
        columns = {"observations": frame.size(), "mean": frame.mean(), "se": frame.sem()}
        table = pd.DataFrame({name: value.reindex(rows) for name, value in columns.items()})
        table["observations"] = table["observations"].fillna(0).astype(int)
        table["total"] = frame.sum().reindex(rows)
        table["together"] = np.where(table["observations"] > 0, self.together, np.nan)
        return table.set_axis(pd.Index(self.tasks, name="task"))

    def __sub__(self, other: "Score") -> "Score":
        same = self.tasks == other.tasks and np.array_equal(self.task, other.task)
        if not same or not np.array_equal(self._of, other._of):
            raise InputError(
                message("score", "scores of the same observations", "others", "Score both on the same data.")
            )
        return Score(
            self.log_density - other.log_density,
            self.together - other.together,
            self.task,
            self.tasks,
            self._of,
        )

    @classmethod
    def join(cls, scores: "Sequence[Score]") -> "Score":
        """The scores of several parts of a data set as one, say those of a cross-validation.

        Tasks are known by their names; `together` is summed over the parts that a task is in.

        Raises
        ------
        InputError
            For an empty list.
        """
        if not scores:
            raise InputError(message("scores", "at least one", "none", "Pass a list of scores."))
        tasks = tuple(dict.fromkeys(name for score in scores for name in score.tasks))
        place = {name: i for i, name in enumerate(tasks)}
        together, task = np.zeros(len(tasks)), []
        for score in scores:
            at = np.array([place[name] for name in score.tasks])
            together[at] += score.together
            task.append(at[score.task])
        return cls(
            np.concatenate([score.log_density for score in scores]),
            together,
            np.concatenate(task),
            tasks,
            np.concatenate([score._of for score in scores]),
        )

    def __repr__(self) -> str:
        return (
            f"Score({self.mean:.4f} nats an observation, standard error {self.se:.4f}, "
            f"{len(self):,} observations of {len(np.unique(self.task)):,} tasks)"
        )


def score(
    program: Program, draws: Sequence[Mapping[str, Tensor]], batch: Batch, tasks: tuple[str, ...]
) -> Score:
    """Score of the observations of a batch with targets, over all sets of draws as one."""
    each, together = [], []
    for one in draws:
        number = one["weights"].shape[0]
        sums = torch.zeros(number, len(tasks), dtype=torch.float64)
        parts, places = [], []
        for place, part in chunks(program, one, batch):
            log = distribution(program, one, part).log_prob(part.y).double()
            log = log.expand(number, part.observations)
            sums.index_add_(1, part.task, log)
            parts.append(log.logsumexp(0) - np.log(number))
            places.append(place)
        each.append(in_order(parts, places))
        together.append(sums.logsumexp(0) - np.log(number))
    log_density, log_together = (
        (torch.stack(values).logsumexp(0) - np.log(len(draws))).numpy() for values in (each, together)
    )
    targets = batch.y if batch.y is not None else torch.empty(0)
    return Score(log_density, log_together, batch.task.numpy(), tasks, targets.numpy())
