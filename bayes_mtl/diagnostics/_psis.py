"""How well draws of an approximation cover the posterior: Pareto-smoothed importance sampling.

Vehtari et al., Pareto smoothed importance sampling (JMLR 2024); for variational inference Yao et al.,
Yes, but did it work? (ICML 2018).
"""

import math

import numpy as np

from bayes_mtl._psis import psis
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._label_switching import exchanged, label_switching
from bayes_mtl.diagnostics._latents import adapted, collapsed, unknowns
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._remedies import better_inferences
from bayes_mtl.posterior import Posterior

GOOD, USABLE = 0.5, 0.7
SMALL, LARGE = 0.25, 0.5
"""Mismatch an unknown (see `mismatch`) up to which only a note is due, and above which it is serious."""
MANY = 50


def check_psis(posterior: Posterior) -> Outcome | None:
    """k-hat of the draws' importance weights; None for exact draws, chains and point estimates."""
    log_weights = posterior.record.log_weights
    by_points = log_weights is None and "PopulationMonteCarlo" in posterior.record.method
    if by_points:  # it hands nothing on that is not close
        found = exchanged(label_switching(posterior), chains=False)
        return Outcome(f"importance sampling: {posterior.record.stopped}", (found,) if found else ())
    if log_weights is None or posterior.number < 2:
        return None
    if np.isnan(log_weights).any() or not np.isfinite(log_weights.max()):
        finding = Finding(
            "serious",
            "The posterior density is not a number at some draws",
            f"{int((~np.isfinite(log_weights)).sum())} of {len(log_weights)} draws have a density that is "
            "not finite: they lie where the model breaks down.",
            "Look for extreme values in the data, tighten the priors of scales, or lower the learning rate.",
        )
        return Outcome("closeness of the approximation: densities that are not finite", (finding,))
    smoothed, shape = psis(log_weights)
    k = float(shape)
    number = len(log_weights)
    limit = min(1.0 - 1.0 / math.log10(number), USABLE) if number > 10 else math.nan
    if math.isnan(k) or math.isnan(limit):
        return Outcome(f"closeness of the approximation: not judged, {number} draws are too few")
    digits = 2 if k <= limit or k >= USABLE + 0.005 else 3  # never "0.70, limit 0.7"
    shown = f"k-hat {max(k, 0.0):.{digits}f}" if math.isfinite(k) or k < 0 else "k-hat infinite"
    if k <= limit:
        verdict = "close" if k <= GOOD else "close enough; importance_resample(posterior) corrects the rest"
        return Outcome(f"closeness of the approximation: {shown} of at most {limit:.2f}, {verdict}")
    looked = f"closeness of the approximation: {shown}, above {limit:.2f}"
    if k <= USABLE:
        finding = Finding(
            "note",
            f"{number} draws are too few to judge the approximation ({shown})",
            f"With {number} draws k-hat must stay below {limit:.2f}; with 2,200 or more, below {USABLE}.",
            "Run the inference with draws=3000, as in Collapsed(draws=3000).run(model, data); "
            "importance_resample(posterior) corrects the draws where k-hat allows it.",
        )
        return Outcome(looked, (finding,))
    if adapted(posterior):
        return Outcome(looked, (_surprised(shown, smoothed),))
    return Outcome(looked, (_too_far(posterior, shown, log_weights),))


def _surprised(shown: str, smoothed: np.ndarray) -> Finding:
    worth = 1.0 / float(np.exp(2 * smoothed).sum())
    return Finding(
        "warning",
        f"The new tasks are unlike what the fit had learned ({shown})",
        f"Their rows agree with few of the draws: about {worth:,.0f} of {len(smoothed):,} carry the weight "
        f"({shown}, limit {USABLE}). Intervals of the new tasks, and of all others now, are too narrow.",
        "Fit again with the rows of all tasks.",
    )


def _too_far(posterior: Posterior, shown: str, log_weights: np.ndarray) -> Finding:
    size, exact = unknowns(posterior), collapsed(posterior)
    kind = "a Gaussian around the mode" if "MAP" in posterior.record.method else "a guide"
    what = (
        f"Draws of {'the hyperparameters' if exact else 'all unknowns'} come from an approximation of the "
        f"posterior ({kind}) that does not match it everywhere: {shown}, limit {USABLE}. "
    )
    remedy = better_inferences(posterior)
    misses = f"The approximation misses part of the posterior ({shown})"
    doubtful = "intervals of hyperparameters, such as scales and correlations, are doubtful"
    if size is None:
        what += f"Predictions may still be fine (held-out data tell); {doubtful}."
        return Finding("warning", misses, what, remedy)
    off = mismatch(log_weights, size)
    if off < 1:
        what += (
            f"Spread evenly over its {size:,} unknowns, that is as if each standard deviation were "
            f"{100 * off:.0f} % too small; mostly it sits in a few, such as scales and correlations. "
        )
    else:
        what += "That is more than standard deviations alone could do: its centre is off too. "
    if off > LARGE:
        what += "Intervals cannot be trusted, and predictions only where held-out data confirm them."
        return Finding("serious", f"The approximation is far from the posterior ({shown})", what, remedy)
    if off > SMALL:
        what += f"Predictions may still be fine (held-out data tell); {doubtful}, usually too narrow."
        return Finding("warning", misses, what, remedy)
    what += (
        "That is little: predictions and the tasks' weights should be fine, while intervals of "
        "hyperparameters may be too narrow."
    )
    if size > MANY:
        what += " With this many unknowns k-hat is nearly always above the limit."
    remedy = f"Nothing, unless intervals of hyperparameters matter. Then {remedy}"
    return Finding("note", f"Intervals of hyperparameters are approximate ({shown})", what, remedy)


def mismatch(log_weights: np.ndarray, size: int) -> float:
    """By which fraction every standard deviation would have to be too small to scatter the log weights so.

    Draws from ``N(0, s^2)`` for ``N(0, 1)`` have log weights of variance ``(1 - s^2)^2 / 2``, and those of
    independent unknowns add up. Quantiles keep a few far draws, which k-hat is about, out of it.

    Parameters
    ----------
    log_weights
        ``[draws]``.
    size
        Number of unknowns.

    Returns
    -------
    float
        1 where even vanishing standard deviations would not be enough.
    """
    lower, upper = np.quantile(log_weights, [0.1587, 0.8413])
    variance = 1.0 - (upper - lower) / 2 * math.sqrt(2 / size)
    return 1.0 - math.sqrt(max(variance, 0.0))
