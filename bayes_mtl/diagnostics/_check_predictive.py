"""Whether targets simulated from the fit look like those that were observed (posterior predictive checks).

Gelman, Meng and Stern, Posterior predictive assessment of model fitness via realized discrepancies
(Statistica Sinica 1996). Parameters have seen the data, so that p-values lie nearer to 1/2 than uniform ones:
a small one says more, and a false alarm is rarer, than its number.
"""

from collections.abc import Sequence

import numpy as np

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._predictive import Predictive
from bayes_mtl.diagnostics._predictive_remedies import predictive_remedy
from bayes_mtl.diagnostics._statistic import Statistic
from bayes_mtl.likelihoods import AbstractLikelihood

P = 0.01
"""Two-sided p-value of a statistic that calls it different: of 200 simulated data sets none reaches it."""
_FALSE_ALARMS = 0.01
_FEWEST, _NAMED = 100, 5


def check_predictive(found: Predictive, tasks: Sequence[str]) -> Outcome | None:
    """Statistics of all tasks together, and tasks that differ more often than chance explains."""
    findings, looked = [], []
    for likelihood, part in found.parts:
        statistics = part.statistics()
        if not statistics or len(statistics[0].simulated) < _FEWEST:
            continue
        p = np.stack([p_values(statistic) for statistic in statistics])  # [statistics, 1 + tasks]
        named = f"{likelihood.name}: " if len(found.parts) > 1 else ""
        shown = ", ".join(f"{s.name} p {value:.2g}" for s, value in zip(statistics, p[:, 0], strict=True))
        looked.append(f"{named}{shown}")
        findings += [
            _overall(likelihood, part.title, statistics, p[:, 0]),
            _by_task(likelihood, part.title, statistics, p[:, 1:], [tasks[t] for t in part.tasks]),
        ]
    if not looked:
        return None
    return Outcome(
        f"simulated targets beside the data: {'; '.join(looked)}", tuple(f for f in findings if f is not None)
    )


def p_values(statistic: Statistic) -> np.ndarray:
    """Two-sided, ``[1 + tasks]``; equal values count half."""
    simulated, observed = statistic.simulated, statistic.observed
    # sums of the same numbers in another order are equal but for rounding
    near = 1e-6 * (np.abs(observed) + np.abs(simulated).max(0))
    below = (simulated < observed - near).sum(0)
    equal = (np.abs(simulated - observed) <= near).sum(0)
    number = len(simulated)
    low = (below + 0.5 * equal + 0.5) / (number + 1)
    found: np.ndarray = 2 * np.minimum(low, 1 - low)
    return found


def _overall(
    likelihood: AbstractLikelihood, kind: str, statistics: Sequence[Statistic], p: np.ndarray
) -> Finding | None:
    odd = [i for i in range(len(p)) if p[i] < P]
    if not odd:
        return None
    odd.sort(key=lambda i: -float(_distance(statistics[i])[0]))
    parts = []
    for i in odd:
        low, high = np.quantile(statistics[i].simulated[:, 0], (0.05, 0.95))
        parts.append(
            f"{statistics[i].name} {statistics[i].observed[0]:.3g}, simulated {low:.3g} to {high:.3g}"
        )
    names = tuple(statistics[i].name for i in odd)
    return Finding(
        "warning",
        f"Targets simulated from the fit differ from the data: {', '.join(names[:3])}"
        f"{', ...' * (len(names) > 3)}",
        f"Over all tasks, beside 90 % of the simulations: {'; '.join(parts[:_NAMED])}. Predictions of single "
        "targets miss that; means may still be right.",
        _remedy(likelihood, kind, statistics, odd),
        names,
    )


def _by_task(
    likelihood: AbstractLikelihood,
    kind: str,
    statistics: Sequence[Statistic],
    p: np.ndarray,
    tasks: Sequence[str],
) -> Finding | None:
    from scipy.stats import binom

    if p.shape[1] < 2:
        return None
    most = binom.isf(_FALSE_ALARMS / len(statistics), p.shape[1], P)
    odd = [i for i in range(len(statistics)) if (p[i] < P).sum() > most]
    if not odd:
        return None
    odd.sort(key=lambda i: -int((p[i] < P).sum()))
    parts, worst = [], np.zeros(len(tasks))
    for i in odd:
        own = np.flatnonzero(p[i] < P)
        far = _distance(statistics[i])[1:]
        worst[own] = np.maximum(worst[own], far[own])
        own = own[np.argsort(-far[own], kind="stable")]
        shown = ", ".join(tasks[t] for t in own[:_NAMED])
        parts.append(f"{statistics[i].name} of {shown}{', ...' * (len(own) > _NAMED)}")
    order = [t for t in np.argsort(-worst, kind="stable") if worst[t] > 0]
    return Finding(
        "warning",
        f"Targets simulated for {len(order):,} of {len(tasks):,} tasks differ from theirs",
        f"In more tasks than chance explains, the worst first: {'; '.join(parts)}.",
        _remedy(likelihood, kind, statistics, odd),
        tuple(tasks[t] for t in order),
    )


def _distance(statistic: Statistic) -> np.ndarray:
    """Of what was observed from the mean of the simulations, in their standard deviations."""
    simulated = statistic.simulated
    spread = np.maximum(simulated.std(0), 1e-9)
    found: np.ndarray = np.abs(statistic.observed - simulated.mean(0)) / spread
    return found


def _remedy(
    likelihood: AbstractLikelihood, kind: str, statistics: Sequence[Statistic], odd: Sequence[int]
) -> str:
    less = {}
    for i in odd:
        gap = statistics[i].observed - statistics[i].simulated.mean(0)
        less[statistics[i].name] = bool(gap[0] < 0)
    return predictive_remedy(likelihood, kind, less)
