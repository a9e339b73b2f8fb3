"""When a noisy loss has stopped falling."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plateau:
    """Noise-aware plateau rule.

    The losses of the last two windows are compared: the loss still falls while the second window's
    mean lies below the first's by more than ``errors`` standard errors of that difference. Losses of
    neighbouring steps are correlated, so the standard errors come from means of short batches.

    Parameters
    ----------
    window
        Steps a window.
    errors
        Standard errors by which the mean must fall to count as progress.
    """

    window: int = 250
    errors: float = 2.0

    def reached(self, losses: list[float]) -> bool:
        """Whether the newest two windows show no progress."""
        if len(losses) < 2 * self.window:
            return False
        before = np.asarray(losses[-2 * self.window : -self.window])
        after = np.asarray(losses[-self.window :])
        error = math.hypot(_standard_error(before), _standard_error(after))
        return bool(before.mean() - after.mean() <= self.errors * error)


def _standard_error(losses: np.ndarray, batches: int = 10) -> float:
    """Standard error of the mean by batch means."""
    usable = len(losses) // batches * batches
    means = losses[-usable:].reshape(batches, -1).mean(1)
    return float(means.std(ddof=1) / math.sqrt(batches))
