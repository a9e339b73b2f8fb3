"""Test quantities of durations that may be censored: how many last longer than three given times."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl.diagnostics._replicates import AbstractReplicates, with_all

_INTERVALS, _TIMES = 20, (0.25, 0.5, 0.75)


class ReplicatedSurvival(AbstractReplicates):
    """Survival by a life table, Kaplan and Meier's estimate on intervals of time.

    Simulated durations are censored too: at the time at which the observed one was, or, where an event was
    seen, at a later time drawn from the censoring of all (Kaplan and Meier's estimate, the parts exchanged).

    Parameters
    ----------
    censored
        ``[observations]``: whether the event was not seen.
    seed
        Of the times of censoring.
    """

    title = "durations"

    def __init__(
        self, tasks: Sequence[int], task: np.ndarray, y: np.ndarray, *, censored: np.ndarray, seed: int = 0
    ) -> None:
        super().__init__(tasks, task, y)
        self._censored = censored
        self._until = np.where(censored, y, np.inf)
        seen = self.own & ~censored
        self._until[seen] = _later(y[self.own], censored[self.own], y[seen], np.random.default_rng(seed))
        events = y[seen] if seen.any() else y[self.own]
        self._ends = np.unique(np.quantile(events, np.linspace(0, 1, _INTERVALS + 1)[1:-1]))
        self._times = [int(np.searchsorted(self._ends, np.quantile(events, q))) for q in _TIMES]

    def sums(self, index: np.ndarray, y: np.ndarray, observed: bool = False) -> np.ndarray:
        until = self._until[index]
        time = y if observed else np.minimum(y, until)
        event = ~self._censored[None, index] if observed else y <= until
        interval = np.searchsorted(self._ends, time, side="left")
        width = len(self._ends) + 1
        shape = (len(y), len(self.tasks), width)
        at = (np.arange(len(y))[:, None] * shape[1] + self.place[index]) * width + interval
        size = int(np.prod(shape))
        ended = np.bincount(at.ravel(), minlength=size).reshape(shape)
        events = np.bincount(at.ravel(), event.ravel(), minlength=size).reshape(shape)
        return np.moveaxis(np.concatenate([ended, events], -1), -1, 0).astype(np.float64)

    def values(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        ended, events = np.split(with_all(sums), 2)
        at_risk = np.cumsum(ended[::-1], 0)[::-1]
        # who was censored within an interval was at risk for half of it
        exposed = at_risk - 0.5 * (ended - events)
        hazard = np.divide(events, exposed, out=np.zeros_like(events), where=exposed > 0)
        alive = np.cumprod(1 - np.minimum(hazard, 1.0), 0)
        return {f"share that lasts beyond {self._ends[i]:.3g}": alive[i] for i in sorted(set(self._times))}


def _later(
    time: np.ndarray, censored: np.ndarray, after: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Times of censoring later than ``after``; infinite beyond the last that was seen."""
    order = np.lexsort((censored, time))  # events first among ties
    at_risk = np.arange(len(time), 0, -1)
    steps = np.where(censored[order], 1 - 1 / at_risk, 1.0)
    left = np.cumprod(steps)  # not censored up to each time, falling
    times = time[order]
    reached = np.concatenate([[1.0], left])[np.searchsorted(times, after, side="right")]
    wanted = random.uniform(size=len(after)) * reached
    place = np.searchsorted(-left, -wanted, side="left")
    return np.where(place < len(times), times[np.minimum(place, len(times) - 1)], np.inf)
