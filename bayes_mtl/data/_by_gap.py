"""Tasks by how far they are behind a target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._abstract_schedule import AbstractSchedule


@dataclass(frozen=True)
class ByGap(AbstractSchedule):
    """Tasks that are far behind a target are drawn more often.

    The probability is proportional to ``max(0, target - score) / |target|``, mixed with equal shares.

    Parameters
    ----------
    scores
        Of every task, by name, where more is better: as of an earlier fit on held-out data. Errors are given
        negative, and so are their targets.
    targets
        Of every task, by name; none is 0.
    equal
        Share of the draws that goes to all tasks equally: without any, a task at its target would never be
        drawn, and large ones of few draws would make the gradients noisy.

    Notes
    -----
    Reference: Sharma et al., Learning to multi-task by active sampling (ICLR 2018), with the gaps of one fit
    in place of those of a running one.
    """

    scores: Mapping[str, float]
    targets: Mapping[str, float]
    equal: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.equal <= 1:
            raise InputError(message("equal", "above 0 and at most 1", self.equal, "Try 0.2."))
        for argument, values in (("scores", self.scores), ("targets", self.targets)):
            bad = {name: value for name, value in values.items() if not np.isfinite(value)}
            if bad:
                raise InputError(message(argument, "finite numbers", bad, "Change them."))
        zero = [name for name, value in self.targets.items() if value == 0]
        if zero:
            raise InputError(message("targets", "numbers other than 0", f"0 for {zero}", "Shift both."))

    def probabilities(self, step: int, names: Sequence[str], counts: np.ndarray) -> np.ndarray:
        for argument, values in (("scores", self.scores), ("targets", self.targets)):
            if set(values) != set(names):
                wrong = sorted(set(values) ^ set(names))[:5]
                expected = f"one for each of the tasks ({', '.join(names[:5])})"
                raise InputError(
                    message(argument, expected, f"too few or too many: {wrong}", "Correct these.")
                )
        gap = np.array([max(0.0, self.targets[n] - self.scores[n]) / abs(self.targets[n]) for n in names])
        gap[counts == 0] = 0.0
        share = (counts > 0) / (counts > 0).sum()
        found: np.ndarray = self.equal * share + (1 - self.equal) * (gap / gap.sum() if gap.any() else share)
        return found
