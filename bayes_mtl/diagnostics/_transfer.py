"""What each task gained or lost by learning with the others."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pyro.distributions import HalfNormal

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.data import Scaling, TaskData
from bayes_mtl.data._counted import counted
from bayes_mtl.data._split import own_tasks
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._loo import loo
from bayes_mtl.inference import MAP, Collapsed, NestedLaplace, PopulationMonteCarlo
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.inference._first_that_works import FirstThatWorks
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import Independent

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Transfer:
    """What each task gained or lost against a fit of its own rows alone.

    Attributes
    ----------
    table
        One row a task: ``observations`` it was judged by; ``together`` and ``alone``, the mean log
        predictive density of one, in nats and the user's units; ``gain``, their difference, and its interval
        from ``lower`` to ``upper``; ``verdict``: ``"gain"`` or ``"loss"`` where the interval leaves out 0,
        else ``"unclear"``. ``alone`` and ``gain`` are NaN where a task alone has no posterior: its rows share
        one measured value, and noise that goes to 0 makes them as likely as one wants.
    level
        Probability of the intervals.
    held_out
        Whether it was judged by held-out observations; else by leave-one-out.
    """

    table: "pd.DataFrame"
    level: float
    held_out: bool

    @property
    def negative(self) -> tuple[str, ...]:
        """Names of the tasks that learning together harmed, the worst first."""
        lost = self.table[self.table["verdict"] == "loss"].sort_values("gain")
        return tuple(str(name) for name in lost.index)

    def __repr__(self) -> str:
        counts = self.table["verdict"].value_counts()
        text = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("gain", "loss", "unclear"))
        known = self.table[self.table["gain"].notna()]
        mean = float(np.average(known["gain"], weights=known["observations"])) if len(known) else np.nan
        names = ", ".join(self.negative[:5]) + ", ..." * (len(self.negative) > 5)
        harmed = f"; negative transfer: {names}" if names else ""
        return f"Transfer({text}; {mean:+.3f} nats an observation on average{harmed})"


_SAME = 1e-6
"""Nats between observations that rounding makes."""
_POINTS = NestedLaplace(PopulationMonteCarlo(progress=False))


def transfer(
    posterior: Posterior,
    data: TaskData,
    test: TaskData | None = None,
    *,
    inference: AbstractInference | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Transfer:
    """Compare a fit of all tasks with fits of each task alone.

    Each task is fitted to its own rows with the same likelihood and `Independent` weights of learned scale:
    a ridge regression whose strength the task has to find by itself. Both sides standardise features and
    targets as all tasks' data say: one row, or rows that are all alike, do not tell a scale.

    Parameters
    ----------
    posterior
        Of all tasks, fitted on ``data``.
    data
        The data of the fit.
    test
        Held-out observations of its tasks. Without them, each observation of the fit is left out in turn
        (`loo`), on both sides.
    inference
        Of the single fits. Default: `Collapsed` for Gaussian likelihoods, else `NestedLaplace`, or `MAP` with
        its Gaussian around the mode where that does not fit; a second or so a task.
    level
        Probability of the intervals: of the mean difference over a task's observations, by Student's t;
        without end for a single observation, and where all differ by the same.
    seed
        Of the single fits.

    Returns
    -------
    Transfer

    Raises
    ------
    InputError
        For data that are not those of the fit.
    UnsupportedError
        With a network, whose single fits are yours to make (then `delta` compares them), or tasks of
        different kinds.
    """
    import pandas as pd
    from scipy.stats import t as student

    require_fitted(posterior, data)
    if not 0 < level < 1:
        raise InputError(message("level", "between 0 and 1", level, "Try 0.9."))
    program = posterior.program
    if program.network is not None or program.kinds[0][0]:
        what = "A network" if program.network is not None else "A model of tasks of different kinds"
        raise UnsupportedError(f"{what} is not fitted again to each task. Fit them alone and use delta().")
    prior, likelihood = Independent(HalfNormal(1.0)), program.likelihood
    scaling = Scaling.fit(data, *likelihood.location(counted(data)))
    together = _densities(posterior, data, test)
    tasks = data.task if test is None else test.task
    rows = {}
    for t, name in enumerate(posterior.tasks):
        ours = together[tasks == t]
        if not len(ours):
            continue
        own = _alone(data, t)
        one = replace(scaling, shift=scaling.shift[[t]], spread=scaling.spread[[t]])
        model = MultiTaskModel(prior, likelihood, standardize=one)
        if _no_noise(likelihood, own):
            single = np.full(len(ours), np.nan)
        else:
            exact = why_not_collapsed(model.program(own)) is None
            usual = Collapsed() if exact else FirstThatWorks(_POINTS, MAP(draws=1000))
            fitted = (inference or usual).run(model, own, seed=seed)
            single = _densities(fitted, own, None if test is None else _alone(test, t))
        difference = ours - single
        number = len(difference)
        half = np.inf
        # Where all differences are the same (a task of one value), they do not say how they would vary.
        if number > 1 and (spread := difference.std(ddof=1)) > _SAME:
            half = float(student.ppf((1 + level) / 2, number - 1) * spread / np.sqrt(number))
        gain = float(difference.mean())
        verdict = "gain" if gain > half else "loss" if gain < -half else "unclear"
        rows[name] = {
            "observations": number,
            "together": float(ours.mean()),
            "alone": float(single.mean()),
            "gain": gain,
            "lower": gain - half,
            "upper": gain + half,
            "verdict": verdict,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")
    return Transfer(table, level, test is not None)


def _densities(posterior: Posterior, data: TaskData, test: TaskData | None) -> np.ndarray:
    return loo(posterior, data).elpd if test is None else posterior.score(test).log_density


def _no_noise(likelihood: AbstractLikelihood, own: TaskData) -> bool:
    """Whether several measurements are all the same, and nothing says how exact they are."""
    values = own.y if own.offset is None else own.y - own.offset
    return not likelihood.discrete and own.noise is None and len(own) > 1 and not np.ptp(values) > 0


def _alone(data: TaskData, task: int) -> TaskData:
    rows = data.subset(data.task == task)
    return replace(rows, **own_tasks(rows.task, rows.schema, rows.task_features))
