"""Draws of an approximation, chosen anew so that they are draws of the posterior."""

from dataclasses import replace

import numpy as np
import torch

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.inference._adaptive_importance import effective_number
from bayes_mtl.posterior import Posterior

LARGEST_K = 0.7
"""Pareto k above which importance weights cannot be trusted, however many draws there are."""


def importance_resample(posterior: Posterior, *, draws: int | None = None, seed: int = 0) -> Posterior:
    """Correct an approximate posterior by its importance weights.

    Draws of a guide or of a Gaussian around the mode are weighted by posterior density over their own, the
    weights' tail is smoothed, and draws are chosen by these weights. It removes what a guide close to the
    posterior gets wrong (skewness, correlations, spreads that are somewhat off); it cannot find a part of the
    posterior that no draw lies in.

    Parameters
    ----------
    posterior
        By `SVI`, or by `MAP` or `Collapsed` with a Gaussian around the mode.
    draws
        Draws to keep, some of them several times; as many as there are by default.
    seed
        Of the choice.

    Returns
    -------
    Posterior
        Of the same program. Its record holds no weights any more, and says how many of the draws were worth
        keeping.

    Raises
    ------
    UnsupportedError
        Where the draws are exact, or chains, or have no known density; where k-hat is above 0.7, so that a
        few draws would stand for all.
    InputError
        For ``draws`` below 1.

    References
    ----------
    Vehtari et al., Pareto smoothed importance sampling (JMLR 2024); Yao, Vehtari, Simpson and Gelman, Yes,
    but did it work? (ICML 2018), section 2.
    """
    number = posterior.number if draws is None else draws
    if number < 1:
        raise InputError(message("draws", "at least 1", number, "Leave it out."))
    record = posterior.record
    log_weights = record.log_weights
    if record.method.startswith("adapt("):
        raise UnsupportedError("The draws of an adapted posterior were chosen by their weights already.")
    if log_weights is None or len(log_weights) != posterior.number or posterior.number < 2:
        raise UnsupportedError(
            f"The draws by {record.method} have no importance weights: they are exact, chains, a single "
            "point, or features of the model are random. There is nothing to correct them by."
        )
    smoothed, shape = psis(log_weights)
    k = float(shape)
    if not k <= LARGEST_K:
        told = "cannot be told from so few draws" if np.isnan(k) else f"is {k:.2f}"
        raise UnsupportedError(
            f"k-hat {told}, and must be at most {LARGEST_K}: a few draws would stand for all. Fit with a "
            "richer guide (check(posterior) names it), or by Escalation(), which tries one after the other."
        )
    weights = np.exp(smoothed)
    with seeded(seed):
        index = systematic(weights, number)
    worth = effective_number(weights / weights.sum())
    settings = {**record.settings, "resampled": f"k-hat {k:.2f}, worth {worth:.0f} of {len(weights)} draws"}
    return replace(
        posterior,
        draws={name: value[index] for name, value in posterior.draws.items()},
        record=replace(record, log_weights=None, settings=settings),
    )


def systematic(weights: np.ndarray, number: int) -> torch.Tensor:
    """``[number]``, positions in order: one that should come 2.3 times comes 2 or 3 times."""
    start = float(torch.rand((), dtype=torch.float64))
    edges = np.cumsum(weights / weights.sum())
    chosen = np.searchsorted(edges, (start + np.arange(number)) / number)
    return torch.as_tensor(np.minimum(chosen, len(weights) - 1))
