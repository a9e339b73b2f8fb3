"""Test quantities of measurements: mean, spread, skewness, smallest and largest."""

from collections.abc import Sequence

import numpy as np

from bayes_mtl.diagnostics._replicates import AbstractReplicates, share, with_all


class ReplicatedNumbers(AbstractReplicates):
    """Of measurements; of their logarithms where ``positive``, since such targets are judged by ratios."""

    title = "numbers"

    def __init__(
        self, tasks: Sequence[int], task: np.ndarray, y: np.ndarray, *, positive: bool = False
    ) -> None:
        super().__init__(tasks, task, y)
        self._positive = positive
        known = self._of(y[self.own])
        # close to a standard scale, so that cubes keep their digits
        self._centre, self._spread = float(known.mean()), float(known.std()) or 1.0

    def _of(self, y: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(y, np.finfo(np.float32).tiny)) if self._positive else y

    def joined(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        found = one + other
        found[4], found[5] = np.minimum(one[4], other[4]), np.maximum(one[5], other[5])
        return found

    def sums(self, index: np.ndarray, y: np.ndarray, observed: bool = False) -> np.ndarray:
        z = (self._of(y) - self._centre) / self._spread
        parts = [self.by_task(index, z)]
        extremes = [self.by_task(index, z, np.minimum), self.by_task(index, z, np.maximum)]
        square = z * z
        parts.append(self.by_task(index, square))
        square *= z
        parts.append(self.by_task(index, square))
        number = self.by_task(index, np.ones_like(z[:1]))
        return np.stack([np.broadcast_to(number, parts[0].shape), *parts, *extremes])

    def values(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        number, first, second, third = with_all(sums[:4])
        mean = share(first, number)
        variance = np.maximum(share(second, number) - mean**2, 0.0)
        sd = np.sqrt(variance)
        cubes = share(third, number) - 3 * mean * variance - mean**3
        low = np.concatenate([sums[4].min(-1, keepdims=True), sums[4]], -1)
        high = np.concatenate([sums[5].max(-1, keepdims=True), sums[5]], -1)
        suffix = " of logarithms" if self._positive else ""
        found = {
            f"mean{suffix}": mean * self._spread + self._centre,
            f"standard deviation{suffix}": sd * self._spread,
            f"skewness{suffix}": share(cubes, sd**3),
            "smallest": self._back(low),
            "largest": self._back(high),
        }
        return found

    def _back(self, z: np.ndarray) -> np.ndarray:
        value = z * self._spread + self._centre
        return np.exp(value) if self._positive else value
