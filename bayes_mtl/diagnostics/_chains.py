"""Whether chains agree with each other, and how much they are worth.

Thresholds: Vehtari, Gelman, Simpson, Carpenter and Bürkner (Bayesian Analysis 2021).
"""

from dataclasses import dataclass

import numpy as np

from bayes_mtl import _arviz
from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._label_switching import exchanged, label_switching
from bayes_mtl.diagnostics._latents import adapted
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._suspects import Entries, suspects
from bayes_mtl.posterior import Posterior

R_HAT, R_HAT_BAD = 1.01, 1.1
R_HAT_BY_CHANCE, SHARE_BY_CHANCE = 1.02, 0.01
ESS, ESS_PER_CHAIN = 400, 100
CHAINS = 4
DIVERGENCES_BAD = 0.01
_MOST, _SHOWN, _NAMED = 150, 3, 20


@dataclass(frozen=True, eq=False)
class _Statistics:
    """Statistics of the entries that looked worst, ``total`` being how many there are."""

    names: list[str]
    r_hat: np.ndarray
    ess: np.ndarray
    total: int


def check_chains(posterior: Posterior) -> Outcome | None:
    """R-hat, effective sample size, divergences and number of chains; None where there are no chains."""
    record = posterior.record
    if record.chains < 2 and ("NUTS" not in record.method or adapted(posterior)):
        return None
    switched = label_switching(posterior)
    found = _statistics(suspects(posterior, _MOST, switched.sites if switched else ()))
    draws = posterior.number // record.chains
    looked = f"chains: {record.chains} of {draws:,} draws, {found.total:,} quantities"
    if np.isfinite(found.r_hat).any():
        looked += f", R-hat at most {np.nanmax(found.r_hat):.3f}"
    if np.isfinite(found.ess).any():
        looked += f", effective sample size at least {np.nanmin(found.ess):,.0f}"
    looked += f", divergences: {record.divergences:,}"
    findings = [
        _disagreeing(found),
        _short(found, record.chains),
        _divergent(record.divergences, posterior.number),
        _few(record.chains),
        exchanged(switched),
    ]
    return Outcome(looked, tuple(finding for finding in findings if finding is not None))


def _statistics(entries: Entries) -> _Statistics:
    if not entries.names:
        return _Statistics([], np.empty(0), np.empty(0), entries.total)
    statistics = _arviz.chain_statistics(entries.values)
    ess = np.fmin(statistics["ess_bulk"], statistics["ess_tail"])
    return _Statistics(entries.names, statistics["r_hat"], ess, entries.total)


def _disagreeing(found: _Statistics) -> Finding | None:
    bad = np.flatnonzero(found.r_hat > R_HAT)
    if not len(bad):
        return None
    order = bad[np.argsort(-found.r_hat[bad])]
    worst = float(found.r_hat[order[0]])
    by_chance = worst < R_HAT_BY_CHANCE and len(bad) <= SHARE_BY_CHANCE * found.total
    what = (
        f"{_counted(found, len(bad))} have R-hat above {R_HAT}: chains that started apart have not come "
        f"together. Worst: {_listed(found, order, found.r_hat, '.2f')}."
    )
    if by_chance:
        what += " So few, by so little, also happen by chance."
    else:
        what += " Means and intervals of these depend on the chain that one looks at."
    return Finding(
        "serious" if worst > R_HAT_BAD else "note" if by_chance else "warning",
        f"Chains disagree (R-hat up to {worst:.2f})",
        what,
        "(1) longer chains: several times the warmup= and draws=; (2) Collapsed(hyperparameters=NUTS()) "
        "where it fits the model; (3) tighter priors; if chains sit in different places for good, such as "
        "clusters with exchanged labels, fewer clusters or directions.",
        tuple(found.names[i] for i in order[:_NAMED]),
    )


def _short(found: _Statistics, chains: int) -> Finding | None:
    least = max(ESS, ESS_PER_CHAIN * chains)
    bad = np.flatnonzero(found.ess < least)
    if not len(bad):
        return None
    order = bad[np.argsort(found.ess[bad])]
    worst = float(found.ess[order[0]])
    return Finding(
        "warning",
        f"Few effective draws (down to {worst:.0f})",
        f"{_counted(found, len(bad))} have fewer than {least} effective draws: successive draws are much "
        "alike and say less than their number suggests. "
        f"Worst: {_listed(found, order, found.ess, '.0f')}. Ends of intervals are the least certain.",
        f"Longer chains: about {max(2, int(np.ceil(least / max(worst, 1.0))))} times as many draws.",
        tuple(found.names[i] for i in order[:_NAMED]),
    )


def _divergent(divergences: int, number: int) -> Finding | None:
    if divergences < 1:
        return None
    share = divergences / max(number, 1)
    return Finding(
        "serious" if share > DIVERGENCES_BAD else "warning",
        f"{divergences:,} divergent transitions",
        f"In {divergences:,} of {number:,} draws ({100 * share:.2g} %) the sampler could not follow the "
        "posterior. It avoids the region where that happens, often that of small scales, and results leave "
        "it out.",
        "(1) smaller steps: target_accept=0.99; (2) Collapsed(hyperparameters=NUTS()) where it fits the "
        "model; (3) tighter priors of scales.",
    )


def _few(chains: int) -> Finding | None:
    if chains >= CHAINS:
        return None
    if chains == 1:
        what = "With one chain nothing tells whether another start would have ended elsewhere (no R-hat)."
    else:
        what = f"{chains} chains may agree by accident; agreement of {CHAINS} or more says more."
    return Finding(
        "warning" if chains == 1 else "note",
        f"Only {chains} chain{'s' * (chains > 1)}",
        what,
        f"Fit with chains={CHAINS}.",
    )


def _counted(found: _Statistics, bad: int) -> str:
    # Half of those that were looked at are the worst by this measure: fewer bad ones were seen in full.
    cut_off = len(found.names) < found.total and bad >= len(found.names) // 2
    at_least = "At least " if cut_off else ""
    return f"{at_least}{bad:,} of {found.total:,} quantities"


def _listed(found: _Statistics, order: np.ndarray, values: np.ndarray, form: str) -> str:
    return ", ".join(f"{found.names[i]} {values[i]:{form}}" for i in order[:_SHOWN])
