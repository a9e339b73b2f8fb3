"""Models side by side."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._check_network import trained_network
from bayes_mtl.diagnostics._compared import Fit, compared
from bayes_mtl.diagnostics._latents import at_one_point
from bayes_mtl.diagnostics._loo import loo
from bayes_mtl.diagnostics._loo_tasks import loo_tasks
from bayes_mtl.diagnostics._stacking import stacking
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd


def compare(
    posteriors: Mapping[str, Fit],
    data: TaskData | None = None,
    over: Literal["observations", "tasks"] = "observations",
) -> "pd.DataFrame":
    """Which of several models predicts best what was left out.

    Parameters
    ----------
    posteriors
        Name -> posterior, fitted on ``data``; or name -> (posterior, its own data), where these have the same
        observations and other features, which says whether a feature is needed.
    data
        The data of the fits that come without.
    over
        ``"observations"``: new rows of the same tasks (`loo`); ``"tasks"``: rows of new tasks (`loo_tasks`).

    Returns
    -------
    pandas.DataFrame
        One row a model, the best first: ``elpd`` (nats, higher is better) and its standard error ``se``;
        ``difference`` from the best and its standard error ``se_difference``, which pairs the observations
        or tasks; ``gap``, the effective number of parameters; ``weight`` for stacking (how much of a mixture
        of the models' predictions each should be); ``pareto_k``, the largest, and ``unreliable``, how many
        observations or tasks have one that is too large.

    Raises
    ------
    InputError
        For fewer than two models, another ``over``, data that are not those of the fits, or data sets whose
        observations differ (targets, tasks, or their order).
    InputTypeError
        For posteriors without names, such as a list of them.
    UnsupportedError
        Where a model's tasks cannot be left out; see `loo_tasks`.

    Notes
    -----
    Differences below about 4 nats, or below twice their standard error, do not tell models apart. Rows of one
    task share their luck: with few tasks, standard errors over observations are on the small side.

    A model whose hyperparameters are at their mode, beside others that draw them, is warned of: the mode has
    seen every observation, and stays where it is when one is left out. So is a trained network beside models
    without one. What is left out here was seen by the network: hold data out (``data.split()``), and compare
    by ``posterior.score(held_out)``, also where all models have a network.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman, Using stacking to average Bayesian predictive distributions (Bayesian
    Analysis 2018).
    """
    import pandas as pd

    if over not in ("observations", "tasks"):
        raise InputError(message("over", "'observations' or 'tasks'", repr(over), "Choose one."))
    pairs = compared(posteriors, data)
    left_out = loo if over == "observations" else loo_tasks
    fits = {name: posterior for name, (posterior, _) in pairs.items()}
    _warn_of_points(fits)
    _warn_of_networks(fits)
    results = {name: left_out(posterior, own) for name, (posterior, own) in pairs.items()}
    best = max(results.values(), key=lambda result: result.total)
    weights = stacking(np.stack([result.elpd for result in results.values()], 1))
    rows = {}
    for (name, result), weight in zip(results.items(), weights, strict=True):
        difference = result.elpd - best.elpd
        rows[name] = {
            "elpd": result.total,
            "se": result.se,
            "difference": float(difference.sum()),
            "se_difference": float(np.sqrt(len(difference) * difference.var())),
            "gap": float(result.gap.sum()),
            "weight": float(weight),
            "pareto_k": float(result.pareto_k.max()),
            "unreliable": int(result.unreliable.sum()),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return table.sort_values("elpd", ascending=False, kind="stable")


def _warn_of_points(posteriors: Mapping[str, Posterior]) -> None:
    points = [name for name, posterior in posteriors.items() if at_one_point(posterior)]
    if points and len(points) < len(posteriors):
        warnings.warn(
            f"All draws of {', '.join(map(repr, points))} share the same hyperparameters, which have seen "
            "what is left out, and those of other models do not: the comparison favours the former. Fit them "
            "with Collapsed(hyperparameters=SVI()), or SVI().",
            stacklevel=3,
        )


def _warn_of_networks(posteriors: Mapping[str, Posterior]) -> None:
    trained = [name for name, posterior in posteriors.items() if trained_network(posterior)]
    if trained and len(trained) < len(posteriors):
        warnings.warn(
            f"What is left out here was seen by the network of {', '.join(map(repr, trained))}, and other "
            "models have none: the comparison favours the former. Hold data out, data.split(), and compare "
            "by posterior.score(held_out).",
            stacklevel=3,
        )
