"""Checks that need the data of the fit: influence of observations and tasks, and calibration."""

import numpy as np

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._calibration import LEVELS, Calibration
from bayes_mtl.diagnostics._calibration import of_observations as calibration_of
from bayes_mtl.diagnostics._check_predictive import check_predictive
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._leave_one_out import LeaveOneOut
from bayes_mtl.diagnostics._loo import of_observations as loo_of
from bayes_mtl.diagnostics._loo_tasks import loo_tasks
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._predictive import Predictive
from bayes_mtl.diagnostics._screened import draws_used, screened, thinned
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.posterior import Posterior

MANY = 0.05
"""Share of unreliable observations from which the model, not a few of them, is in doubt.

But where they are fewer than the effective parameters, each of these may simply hang on one observation:
tasks have few rows for their weights.
"""
_FALSE_ALARMS = 0.01
_NAMED = 5
_OF_TASKS = 250
"""Draws that judge tasks: what comes of it is a note at most. `loo_tasks` takes all."""


def check_left_out(posterior: Posterior, data: TaskData) -> tuple[Outcome, ...]:
    """What `loo`, `loo_tasks` (where it is exact) and `calibration` say of the fit."""
    if posterior.number < 2:
        return ()
    simulated = Predictive(posterior, data)
    each = screened(posterior, data, simulated.add)
    by = _by(draws_used(posterior, data), posterior.number)
    outcomes = [_observations(loo_of(each, posterior, data), by)]
    outcomes += [found for found in [check_predictive(simulated, posterior.tasks)] if found is not None]
    calibrated = calibration_of(each, data)
    if len(calibrated):
        outcomes.append(_calibrated(calibrated))
    if why_not_collapsed(posterior.program) is None:
        try:
            some = thinned(posterior, _OF_TASKS)
            by = _by(some.number, posterior.number)
            outcomes.append(_tasks(loo_tasks(some, data), by))
        except UnsupportedError as error:
            outcomes.append(Outcome(f"influence of tasks: not judged. {error}"))
    return tuple(outcomes)


def _by(used: int, number: int) -> str:
    return "" if used == number else f", approximate: from {used:,} of {number:,} draws"


def _worst(found: LeaveOneOut) -> tuple[np.ndarray, str]:
    """Positions of what is unreliable, the worst first, and the first few by name."""
    k = np.where(np.isnan(found.pareto_k), np.inf, found.pareto_k)
    order = np.argsort(-k, kind="stable")[: int(found.unreliable.sum())]
    names = [
        f"{found.tasks[found.task[i]]}"
        + (f" (observation {found.index[i]})" if found.over != "tasks" else "")
        for i in order[:_NAMED]
    ]
    return order, ", ".join(names) + ", ..." * (len(order) > _NAMED)


def _observations(found: LeaveOneOut, by: str) -> Outcome:
    looked = f"influence of observations: elpd {found.total:.1f} (standard error {found.se:.1f}{by})"
    if not found.unreliable.any():
        worst = found.pareto_k.max()
        tail = f"Pareto k at most {worst:.2f}" if np.isfinite(worst) else "no weight that matters"
        return Outcome(f"{looked}, {tail}")
    order, names = _worst(found)
    few = len(order) <= found.gap.sum()
    reason = " Tasks with few rows for their weights have such." if few else ""
    finding = Finding(
        "warning" if len(order) > MANY * len(found) and not few else "note",
        f"{len(order):,} of {len(found):,} observations pull the fit towards themselves",
        f"Without it the posterior would be another one (Pareto k above {found.limit:.2f}): {names}.{reason} "
        "Scores by leave-one-out are too good for them.",
        "(1) look at these observations for errors; (2) a likelihood with heavier tails: StudentT for "
        "Gaussian, NegativeBinomial for Poisson; (3) hold data out instead: data.split() and score().",
        tuple(dict.fromkeys(found.tasks[found.task[i]] for i in order)),
    )
    return Outcome(f"{looked}, {len(order):,} unreliable", (finding,))


def _tasks(found: LeaveOneOut, by: str) -> Outcome:
    looked = f"influence of tasks: elpd {found.total:.1f} (standard error {found.se:.1f}{by})"
    if not found.unreliable.any():
        return Outcome(f"{looked}, Pareto k at most {found.pareto_k.max():.2f}")
    order, names = _worst(found)
    finding = Finding(
        "note",
        f"{len(order):,} of {len(found):,} tasks shape what is said of all",
        f"Without it the hyperparameters would be others (Pareto k above {found.limit:.2f}): {names}. With "
        "few tasks that is usual; scores by leaving tasks out are too good for them.",
        "(1) look at these tasks for another unit, or errors; (2) TaskClustering, where they are a kind of "
        "their own; (3) fit without one, and score it with new_task=True.",
        tuple(found.tasks[found.task[i]] for i in order),
    )
    return Outcome(f"{looked}, {len(order):,} unreliable", (finding,))


def _calibrated(found: Calibration) -> Outcome:
    # As many verdicts as there are shares: one false alarm in a hundred checks over all of them.
    table = found.to_frame(1 - _FALSE_ALARMS / (len(LEVELS) * (1 + len(found.tasks))))
    task, level = (table.index.get_level_values(name).to_numpy() for name in ("task", "level"))
    coverage, verdicts = table["coverage"].to_numpy(), table["verdict"].to_numpy()
    # By place, not by name: a task may be called like the whole.
    overall, single = slice(len(LEVELS)), slice(len(LEVELS), None)
    looked = "calibration: " + ", ".join(
        f"{share:.1%} of targets in {of:.0%} intervals"
        for share, of in zip(coverage[overall], level[overall], strict=True)
    )
    findings = []
    for verdict, remedy in _REMEDIES.items():
        whole = zip(coverage[overall], level[overall], verdicts[overall], strict=True)
        levels = [f"{share:.1%} in {of:.0%}" for share, of, own in whole if own == verdict]
        if levels:
            findings.append(
                Finding(
                    "warning",
                    f"Predictive intervals are {verdict}",
                    f"Of targets that are left out lie {', '.join(levels)} intervals.",
                    remedy,
                )
            )
        off = np.flatnonzero(verdicts[single] == verdict) + len(LEVELS)
        worst = off[np.argsort(-np.abs(coverage[off] - level[off]), kind="stable")]
        names = tuple(dict.fromkeys(task[worst]))
        if names and not levels:
            findings.append(
                Finding(
                    "warning" if verdict == "too narrow" else "note",
                    f"Predictive intervals of {len(names)} of {len(found.tasks)} tasks are {verdict}",
                    f"More than chance explains, the worst first: {', '.join(names[:_NAMED])}"
                    f"{', ...' * (len(names) > _NAMED)}.",
                    "A noise of its own for each task: Gaussian(noise='task'), or look at their data.",
                    names,
                )
            )
    return Outcome(looked, tuple(findings))


_REMEDIES = {
    "too narrow": "(1) a likelihood with heavier tails: StudentT, NegativeBinomial; (2) a noise of its own "
    "for each task: Gaussian(noise='task'); (3) what check says of the approximation.",
    "too wide": "(1) a noise of its own for each task: Gaussian(noise='task'); (2) StudentT, where a few far "
    "targets make the noise of all large.",
}
