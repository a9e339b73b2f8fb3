"""Targets simulated from a fit beside those that were observed: statistics of each task and of all."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from bayes_mtl.diagnostics._statistic import Statistic


class AbstractReplicates(ABC):
    """Collects what the statistics of one kind of targets need, a part of the observations at a time.

    Parameters
    ----------
    tasks
        Positions of the tasks of this kind.
    task, y
        ``[observations]``: of all data.
    """

    title: str
    """The kind of targets, as remedies know it."""

    def __init__(self, tasks: Sequence[int], task: np.ndarray, y: np.ndarray) -> None:
        self.tasks = tuple(tasks)
        place = np.full(int(max(task.max(initial=0), max(self.tasks))) + 1, -1)
        place[list(self.tasks)] = np.arange(len(self.tasks))
        self.place: np.ndarray = place[task]
        self.y = y
        self.own: np.ndarray = self.place >= 0
        self._observed: np.ndarray | None = None
        self._simulated: np.ndarray | None = None

    def add(self, index: np.ndarray, simulated: np.ndarray) -> None:
        """Take in targets ``[draws, len(index)]`` of the observations ``index``."""
        own = self.own[index]
        if not own.all():
            index, simulated = index[own], simulated[:, own]
        if not len(index):
            return
        if (np.diff(self.place[index]) < 0).any():
            order = np.argsort(self.place[index], kind="stable")
            index, simulated = index[order], simulated[:, order]
        observed = self.sums(index, self.y[None, index], observed=True)
        found = self.sums(index, simulated)
        self._observed = observed if self._observed is None else self.joined(self._observed, observed)
        self._simulated = found if self._simulated is None else self.joined(self._simulated, found)

    def joined(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Two sets of sums as one."""
        return one + other

    def statistics(self) -> list[Statistic]:
        """All test quantities; none before anything was added."""
        if self._observed is None or self._simulated is None:
            return []
        observed, simulated = self.values(self._observed), self.values(self._simulated)
        return [Statistic(name, observed[name][0], simulated[name]) for name in observed]

    def by_task(self, index: np.ndarray, values: np.ndarray, how: np.ufunc = np.add) -> np.ndarray:
        """Sums (or extremes) ``[draws, tasks]`` of ``values [draws, observations]``, sorted by task."""
        place = self.place[index]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        empty = 0.0 if how is np.add else np.inf if how is np.minimum else -np.inf
        found = np.full((len(values), len(self.tasks)), empty)
        found[:, place[starts]] = how.reduceat(values, starts, axis=1)
        return found

    @abstractmethod
    def sums(self, index: np.ndarray, y: np.ndarray, observed: bool = False) -> np.ndarray:
        """What is kept, ``[kept, draws, tasks]``, of targets ``[draws, observations]``."""

    @abstractmethod
    def values(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        """Statistics ``[draws, 1 + tasks]`` by name, from what was kept."""


def with_all(values: np.ndarray) -> np.ndarray:
    """Sums ``[..., tasks]`` with the sum over tasks in front."""
    return np.concatenate([values.sum(-1, keepdims=True), values], -1)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Quotient, 0 where there is nothing."""
    found: np.ndarray = np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
    return found
