"""Whether the priors of the hyperparameters left the data anything to say, or speak against them."""

import numpy as np
import torch
from pyro.distributions import Distribution

from bayes_mtl._seed import seeded
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._hyper_sites import HyperSites, hyper_sites
from bayes_mtl.diagnostics._latents import adapted, at_one_point
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._power_scaling import power_scaling
from bayes_mtl.diagnostics._prior_sensitivity import SENSITIVE
from bayes_mtl.posterior import Posterior

OVERLAP = 0.9
"""From which a posterior is the prior: their standard deviations are within a fifth of each other, and their
centres within a quarter of one. Two sets of a thousand draws of one distribution overlap by 0.95."""
_BINS, _FEWEST = 10, 200
_FALSE_ALARMS = 0.01
"""Probability that any hyperparameter of a fit is called contradicted, where truths come from the priors."""
_NAMED = 4
_EXTREME = 0.02
"""Share of prior draws beyond a median up to which it is looked at closely."""
_LARGEST = 1 << 22
"""Numbers that are drawn for that."""


def check_priors(posterior: Posterior) -> Outcome | None:
    """Overlap of priors and posteriors, and posteriors in the tails; None without draws of both."""
    if posterior.number < _FEWEST or adapted(posterior) or at_one_point(posterior):
        return None
    sites = hyper_sites(posterior)
    if sites is None or not np.isfinite(sites.posterior).all():
        return None
    same = overlap(sites.posterior, sites.prior)
    moved = power_scaling(sites.posterior, sites.log_prior)
    p = tail(sites)
    far = np.flatnonzero(p < _FALSE_ALARMS / len(p))
    looked = (
        f"priors of {len(p):,} hyperparameters: overlap with the posterior {same.min():.2f} to "
        f"{same.max():.2f}, sensitivity at most {np.nanmax([0.0, *moved]):.2f} (limit {SENSITIVE})"
    )
    others = np.setdiff1d(np.arange(len(p)), far)
    findings = [_contradicted(sites, far[np.argsort(p[far])]), _unheard(sites, same, moved, others)]
    return Outcome(looked, tuple(finding for finding in findings if finding is not None))


def overlap(posterior: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Shared mass ``[entries]`` of two densities, by histograms whose bins hold equal shares of the prior."""
    ends = np.quantile(prior, np.arange(1, _BINS) / _BINS, axis=0)
    above = (posterior[:, None] > ends).sum(1)
    shares = np.stack([(above == b).mean(0) for b in range(_BINS)])
    found: np.ndarray = np.minimum(shares, 1 / _BINS).sum(0)
    return found


def tail(sites: HyperSites) -> np.ndarray:
    """Prior mass ``[entries]`` where the prior's density is below that at the posterior's median.

    1 where that is much, or where entries have no density of their own. The density is asked, not the rank: a
    scale near zero does not contradict a half-normal prior.
    """
    ranks = (sites.prior <= np.median(sites.posterior, axis=0)).mean(0)
    found = np.ones(len(ranks))
    with seeded(0), torch.no_grad():
        for i in np.flatnonzero(np.minimum(ranks, 1 - ranks) < _EXTREME):
            given = sites.elementwise[i]
            if given is not None:
                found[i] = _mass_below(*given, smallest=_FALSE_ALARMS / len(ranks))
    return found


def _mass_below(fn: Distribution, place: int, value: float, smallest: float) -> float:
    first = fn.sample()
    rows = first.reshape(len(first), -1)
    # a hundred draws in a tail of the smallest size, as far as memory goes
    repeats = min(100 / smallest / len(first), _LARGEST / first.numel())
    there = rows.clone()
    there[:, place] = value
    limit = fn.log_prob(there.reshape(first.shape)).reshape(rows.shape)[:, place]
    drawn = fn.sample([max(1, round(repeats))])
    log = fn.log_prob(drawn).reshape(len(drawn), *rows.shape)[..., place]
    return float((log <= limit).double().mean())


def _contradicted(sites: HyperSites, order: np.ndarray) -> Finding | None:
    if not len(order):
        return None
    names = [sites.names[i] for i in order]
    listed = []
    for i in order[:_NAMED]:
        before, after = sites.prior[:, i], sites.posterior[:, i]
        low, high = np.quantile(before, (0.05, 0.95))
        listed.append(f"{sites.names[i]} is {np.median(after):.2g}, prior {low:.2g} to {high:.2g}")
    return Finding(
        "warning",
        f"The data contradict the prior of {_some(names)}",
        "Posterior medians lie where their priors held hardly any mass (90 % intervals of the prior beside "
        f"them, standardised scale): {'; '.join(listed)}. What comes out is a compromise between the two.",
        "(1) look for wrong units and extreme values; (2) a wider prior, given as the argument of that name; "
        "(3) if the prior is what you know, heavier tails: StudentT in place of Normal.",
        tuple(names),
    )


def _unheard(sites: HyperSites, same: np.ndarray, moved: np.ndarray, others: np.ndarray) -> Finding | None:
    total, asked = len(same), np.isin(np.arange(len(same)), others)
    as_before = asked & (same >= OVERLAP)
    shaped = asked & ~as_before & (np.nan_to_num(moved) >= SENSITIVE)
    if not (as_before.any() or shaped.any()):
        return None
    parts, names = [], []
    for chosen, by, text in (
        (as_before, same, "as their priors left them, since the data say nothing (mass in common)"),
        (shaped, moved, f"moved where all priors are a little stronger (sensitivity, limit {SENSITIVE})"),
    ):
        order = np.flatnonzero(chosen)
        order = order[np.argsort(-by[order], kind="stable")]
        own = [sites.names[i] for i in order]
        names += own
        if own:
            shown = ", ".join(f"{sites.names[i]} {by[i]:.2f}" for i in order[:_NAMED])
            parts.append(f"{text}: {shown}{', ...' * (len(own) > _NAMED)}")
    noun = "hyperparameter" if total == 1 else "hyperparameters"
    return Finding(
        "note",
        f"Priors have a say in {len(names):,} of {total:,} {noun}",
        f"{'; '.join(parts)}. Predictions may well not depend on these.",
        "Nothing, where the priors say what you know. Else more tasks, or a simpler model. "
        "prior_sensitivity(posterior, data) tells where data and prior disagree.",
        tuple(names),
    )


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
