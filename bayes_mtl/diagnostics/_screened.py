"""Each observation at a part of the draws, and at all of them where that part may mislead."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._each_observation import EachObservation, each_observation
from bayes_mtl.posterior import Posterior

_FEWEST, _ENOUGH = 200, 1 << 19
"""Draws that are always used, and draws times observations that tell of calibration and influence."""
_DOUBTFUL = 0.4
"""k by 200 draws has a standard error of about 0.15: what is above 0.7 by all draws is above 0.4 by these."""
NEGLIGIBLE = 5.0
"""No draw counts more than five times its share where an observation is left out: k is not asked for.

A tail with k = 0.7 of 200 draws reaches some forty times the mean.
"""


def screened(
    posterior: Posterior,
    data: TaskData,
    watch: Callable[[np.ndarray, np.ndarray], object] | None = None,
) -> EachObservation:
    """What `each_observation` says, in a fraction of its time where there are many observations.

    Every so many draws, half a million numbers in all, judge every observation. Those whose weights may have
    a heavy tail are judged by all draws. ``watch`` sees the targets simulated at the first ones.
    """
    step = _step(posterior, data)
    if step == 1:
        return each_observation(posterior, data, negligible=NEGLIGIBLE, watch=watch)
    part = replace(posterior, draws={name: value[::step] for name, value in posterior.draws.items()})
    found = each_observation(part, data, negligible=NEGLIGIBLE, watch=watch)
    doubtful = np.flatnonzero(~(found.k <= _DOUBTFUL))
    if len(doubtful):
        again = each_observation(posterior, data.subset(doubtful), negligible=NEGLIGIBLE)
        for field in fields(found):
            getattr(found, field.name)[doubtful] = getattr(again, field.name)
    return found


def thinned(posterior: Posterior, number: int) -> Posterior:
    """About as many of the draws, evenly spread, with their weights; all of them where there are no more."""
    step = max(1, posterior.number // number)
    draws = {name: value[::step] for name, value in posterior.draws.items()}
    weights = posterior.record.log_weights
    if weights is not None and len(weights) == posterior.number:
        weights = weights[::step]
    return replace(posterior, draws=draws, record=replace(posterior.record, log_weights=weights))


def draws_used(posterior: Posterior, data: TaskData) -> int:
    """How many of the draws judge every observation."""
    return len(range(0, posterior.number, _step(posterior, data)))


def _step(posterior: Posterior, data: TaskData) -> int:
    return max(1, posterior.number // max(_FEWEST, _ENOUGH // len(data)))
