"""Labels that chains exchange: directions whose order and sign mean nothing to the model.

Stephens, Dealing with label switching in mixture models (JRSS B 2000).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._axes import named_draws
from bayes_mtl.priors import AbstractTaskPrior

LABELS = ("rank", "factor", "cluster")
SHARE = 0.05
"""Share of draws in another arrangement than most from which labels are called exchanged."""
_DRAWS = 500


@dataclass(frozen=True)
class Switching:
    """Sites whose labels are exchanged.

    Attributes
    ----------
    sites
        Their names.
    share
        Of the draws that are in another arrangement than most.
    between
        Whether whole chains are.
    """

    sites: tuple[str, ...]
    share: float
    between: bool


def label_switching(posterior: Posterior) -> Switching | None:
    """Labels that are exchanged between or within chains; None where they are not, or there are none.

    A prior that aligns its draws has done so already.
    """
    prior = posterior.program.prior
    if type(prior).align is not AbstractTaskPrior.align:
        return None
    found = [_of_axis(posterior, sites, label) for (_, label), sites in _labelled(posterior).items()]
    switched = [one for one in found if one is not None]
    if not switched:
        return None
    sites = tuple(site for one in switched for site in one.sites)
    return Switching(sites, max(one.share for one in switched), any(one.between for one in switched))


def exchanged(found: Switching | None, chains: bool = True) -> Finding | None:
    """What that means to whoever reads them, of chains or of independent draws."""
    if found is None:
        return None
    where = ("between chains" if found.between else "within chains") if chains else "between draws"
    r_hat = ", and R-hat of them says nothing (it was not judged)" if chains else ""
    return Finding(
        "note",
        f"Labels are exchanged {where}: {', '.join(found.sites)}",
        f"In {found.share:.0%} of the draws these sites have another order or sign than in most. The "
        f"model does not tell one from another: averages over draws cancel{r_hat}. Weights, relatedness and "
        "predictions do not depend on labels.",
        "Nothing, but do not read these sites entry by entry: posterior.relatedness() and weights() say what "
        "they mean.",
        found.sites,
    )


def _labelled(posterior: Posterior) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Sites by kind of tasks and axis of labels: ``[draws, labels, entries]`` each."""
    found: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    own = {name: value for name, value in posterior.draws.items() if name != "weights"}
    for site, named in named_draws(replace(posterior, draws=own)).items():
        labels = [dim for dim in named.dims if dim in LABELS]
        if len(labels) != 1 or not np.isfinite(named.values).all():
            continue
        axis = 1 + named.dims.index(labels[0])
        values = np.moveaxis(named.values, axis, 1).astype(np.float64)
        kind = site.rpartition("/")[0]
        found.setdefault((kind, labels[0]), {})[site] = values.reshape(*values.shape[:2], -1)
    return found


def _of_axis(posterior: Posterior, sites: Mapping[str, np.ndarray], label: str) -> Switching | None:
    signed = label != "cluster"
    # sizes do not tell a direction from its opposite
    parts = [value for value in sites.values() if not (signed and (value >= 0).all())]
    if not parts:
        return None
    values = np.concatenate(parts, -1)
    chains = posterior.record.chains
    draws = len(values) // chains
    step = max(1, draws * chains // _DRAWS)
    values = values.reshape(chains, draws, *values.shape[1:])[:, ::step]
    arrangement = arrangements(values.reshape(-1, *values.shape[2:]), signed)
    by_chain = arrangement.reshape(*values.shape[:2], -1)
    usual = [_most(chain) for chain in by_chain]
    whole = _most(arrangement)
    share = float((arrangement != whole).any(-1).mean())
    between = any((one != usual[0]).any() for one in usual)
    return Switching(tuple(sites), share, between) if share > SHARE else None


def _most(arrangement: np.ndarray) -> np.ndarray:
    kinds, counts = np.unique(arrangement, axis=0, return_counts=True)
    found: np.ndarray = kinds[counts.argmax()]
    return found


def arrangements(values: np.ndarray, signed: bool) -> np.ndarray:
    """``[draws, labels]``: which label of each draw, from 1, takes each place of a draw in the middle.

    Parameters
    ----------
    values
        ``[draws, labels, entries]``.
    signed
        Whether the opposite of a label's values means the same; the label is negative where it is taken.
    """
    from scipy.optimize import linear_sum_assignment

    spread = values.reshape(-1, values.shape[-1]).std(0)
    scaled = values / np.maximum(spread, 1e-12)
    reference = scaled[np.argsort((scaled**2).sum((1, 2)))[len(scaled) // 2]]
    product = np.einsum("ske,je->sjk", scaled, reference)  # [draws, places, labels]
    gain = np.abs(product) if signed else 2 * product - (scaled**2).sum(-1)[:, None]
    found = np.empty(values.shape[:2], dtype=np.int64)
    for s, one in enumerate(gain):
        places, labels = linear_sum_assignment(one, maximize=True)
        opposite = signed & (product[s, places, labels] < 0)
        found[s, places] = (labels + 1) * np.where(opposite, -1, 1)
    return found
