"""When a noisy loss has stopped falling."""

import math
from dataclasses import dataclass

import numpy as np

from bayes_mtl._errors import InputError, message

_WINDOW, _LONGEST = 250, 5_000
"""Steps a window of a full batch, and the most of a mini-batch."""
_BATCHES = 10
"""Batches of a window from which the standard error of its mean is found."""


@dataclass(frozen=True)
class Plateau:
    """Noise-aware plateau rule.

    The losses of the last two windows are compared: the loss still falls while the second window's
    mean lies below the first's by more than ``errors`` standard errors of that difference. Losses of
    neighbouring steps are correlated, so the standard errors come from means of short batches.

    Parameters
    ----------
    window
        Steps a window. None takes 250 for a full batch, and for mini-batches 250 times the square root of
        the number of batches in an epoch, at most 5,000: a step on a part of the data moves the parameters
        less and has a noisier loss, so that shorter windows see a plateau where there is none.
    errors
        Standard errors by which the mean must fall to count as progress.
    """

    window: int | None = None
    errors: float = 2.0

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 2 * _BATCHES:
            raise InputError(message("window", f"at least {2 * _BATCHES}", self.window, "Try 250."))
        if not self.errors >= 0:
            raise InputError(message("errors", "a number of at least 0", self.errors, "Try 2."))

    def steps(self, epoch: float = 1.0) -> int:
        """Steps a window where an epoch has so many batches."""
        return self.window or min(round(_WINDOW * math.sqrt(max(epoch, 1.0))), _LONGEST)

    def reached(self, losses: list[float], epoch: float = 1.0) -> bool:
        """Whether the newest two windows show no progress."""
        window = self.steps(epoch)
        if len(losses) < 2 * window:
            return False
        before = np.asarray(losses[-2 * window : -window])
        after = np.asarray(losses[-window:])
        error = math.hypot(_standard_error(before), _standard_error(after))
        return bool(before.mean() - after.mean() <= self.errors * error)


def _standard_error(losses: np.ndarray) -> float:
    """Standard error of the mean by batch means."""
    usable = len(losses) // _BATCHES * _BATCHES
    means = losses[-usable:].reshape(_BATCHES, -1).mean(1)
    return float(means.std(ddof=1) / math.sqrt(_BATCHES))
