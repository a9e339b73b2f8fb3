"""Test quantities of classes and grades: the share of each."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl.diagnostics._replicates import AbstractReplicates, share, with_all

_MOST = 20


class ReplicatedClasses(AbstractReplicates):
    """Of classes 0, 1, ...; of two classes the share of the second says all.

    Parameters
    ----------
    names
        Of the classes, where they have any.
    """

    title = "classes"

    def __init__(
        self, tasks: Sequence[int], task: np.ndarray, y: np.ndarray, *, names: Sequence[str] = ()
    ) -> None:
        super().__init__(tasks, task, y)
        known, counts = np.unique(y[self.own], return_counts=True)
        if known.max(initial=0) <= 1:
            known, counts = np.array([1.0]), np.array([1])
        # the most frequent, in their own order
        self._classes = np.sort(known[np.argsort(-counts, kind="stable")[:_MOST]])
        self._names = [str(names[int(k)]) if int(k) < len(names) else f"{int(k)}" for k in self._classes]

    def sums(self, index: np.ndarray, y: np.ndarray, observed: bool = False) -> np.ndarray:
        parts = [self.by_task(index, (y == k).astype(np.float32)) for k in self._classes]
        number = self.by_task(index, np.ones_like(y[:1], dtype=np.float32))
        return np.stack([np.broadcast_to(number, parts[0].shape), *parts])

    def values(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        number, *counts = with_all(sums)
        pairs = zip(self._names, counts, strict=True)
        return {f"share of class {name}": share(count, number) for name, count in pairs}
