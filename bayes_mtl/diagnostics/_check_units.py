"""Whether all tasks are measured in one unit, where the likelihood takes them to be."""

import numpy as np

from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.likelihoods import AbstractLikelihood, Mixed
from bayes_mtl.posterior import Posterior

FACTOR = 10.0
"""Of a task's spread and the median task's, from which on units are in doubt.

Noise of the size of the median task's then hides a task of a tenth of its spread, and a population that
covers a task of ten times the spread says little about the others.
"""
_FEWEST = 10
"""Observations of a task that is judged: the quartiles of so many are hardly ever a factor of 10 off."""
_NAMED = 5


def check_units(posterior: Posterior, data: TaskData) -> Outcome | None:
    """Compare the interquartile ranges of the tasks' targets; None where units are not shared."""
    likelihood = posterior.program.likelihood
    parts: list[tuple[AbstractLikelihood, TaskData]] = [(likelihood, data)]
    if isinstance(likelihood, Mixed):
        parts = [(kind.likelihood, kind.data(data)) for kind in likelihood.kinds]
    shared = [part for part in parts if getattr(part[0], "units", None) == "shared"]
    if not shared:
        return None
    findings = [found for each in shared if (found := _finding(*each)) is not None]
    looked = "not in one" if findings else f"within a factor of {FACTOR:.0f}"
    return Outcome(f"units of the tasks: spreads {looked}", tuple(findings))


def _finding(likelihood: AbstractLikelihood, data: TaskData) -> Finding | None:
    # on the scale of the weights: of logarithms for a LogNormal
    spread = _interquartile_range(likelihood.working_response(data)[:, 0], data.task, data.counts)
    spreads = {data.schema.tasks[task]: float(spread[task]) for task in np.flatnonzero(spread > 0)}
    if len(spreads) < 2:
        return None
    median = float(np.median(list(spreads.values())))
    away = {task: spread / median for task, spread in spreads.items()}
    far = [task for task, factor in away.items() if not 1 / FACTOR <= factor <= FACTOR]
    if not far:
        return None
    far.sort(key=lambda task: -abs(np.log(away[task])))
    shown = ", ".join(f"{task} ({away[task]:.2g} times)" for task in far[:_NAMED])
    return Finding(
        # a task whose weights happen to be near 0 has a small spread, too
        "warning" if max(away.values()) > FACTOR else "note",
        f"Targets of {len(far):,} of {len(spreads):,} tasks look measured in another unit",
        f"Their spread is more than {FACTOR:.0f} times, or less than a tenth of, the median task's: {shown}"
        f"{', ...' * (len(far) > _NAMED)}. On one scale the weights of some drown in the noise of others.",
        f"(1) a location and spread of its own for each task: {type(likelihood).__name__}(units='task'); "
        "(2) look at these tasks for errors.",
        tuple(far),
    )


def _interquartile_range(values: np.ndarray, task: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``[tasks]``, of the tasks with enough observations, 0 of others: one sort for all."""
    ordered = values[np.lexsort((values, task))]
    judged = np.flatnonzero(counts >= _FEWEST)
    first, found = np.cumsum(counts) - counts, np.zeros(len(counts))
    place = first[judged] + np.array([[0.25], [0.75]]) * (counts[judged] - 1)
    below = place.astype(np.intp)  # between two values in proportion, as numpy.quantile
    above = np.minimum(below + 1, len(ordered) - 1)
    low, high = ordered[below] + (place - below) * (ordered[above] - ordered[below])  # exact among ties
    found[judged] = high - low
    return found
