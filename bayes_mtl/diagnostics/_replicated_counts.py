"""Test quantities of counts: zeros, mean, dispersion and largest."""

import numpy as np

from bayes_mtl.diagnostics._replicates import AbstractReplicates, share, with_all


class ReplicatedCounts(AbstractReplicates):
    """Of counts. The dispersion is the variance divided by the mean."""

    title = "counts"

    def joined(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        found = one + other
        found[4] = np.maximum(one[4], other[4])
        return found

    def sums(self, index: np.ndarray, y: np.ndarray, observed: bool = False) -> np.ndarray:
        y = y.astype(np.float64)
        first = self.by_task(index, y)
        number = np.broadcast_to(self.by_task(index, np.ones_like(y[:1])), first.shape)
        zeros = self.by_task(index, (y == 0).astype(np.float64))
        return np.stack(
            [number, first, self.by_task(index, y * y), zeros, self.by_task(index, y, np.maximum)]
        )

    def values(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        number, first, second, zeros = with_all(sums[:4])
        mean = share(first, number)
        high = np.concatenate([sums[4].max(-1, keepdims=True), sums[4]], -1)
        return {
            "share of zeros": share(zeros, number),
            "mean": mean,
            "dispersion": share(np.maximum(share(second, number) - mean**2, 0.0), mean),
            "largest": high,
        }
