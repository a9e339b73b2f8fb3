"""The quantities whose chains look worst, found by statistics that take all of them at once.

ArviZ takes some milliseconds a quantity, and there may be many thousands of weights.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from bayes_mtl.diagnostics._latents import latent_sizes
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._axes import coords, named_draws


@dataclass(frozen=True, eq=False)
class Entries:
    """Draws ``[chains, draws, entries]`` of some of ``total`` quantities, with their names."""

    names: list[str]
    values: np.ndarray
    total: int


def suspects(posterior: Posterior, most: int, without: Collection[str] = ()) -> Entries:
    """Up to ``most`` quantities, the worst by agreement of chains and by autocorrelation in equal parts.

    ``without`` names sites that are left out.
    """
    sizes = latent_sizes(posterior)
    # Not the export for ArviZ, which calls "bernoulli/scale" by another name than the program does.
    named = named_draws(posterior)
    axes = coords(posterior, named)
    names: list[str] = []
    columns, disagreement, worth = [], [], []
    total = 0
    for site, draws in named.items():
        if sizes is not None and site != "weights" and site not in sizes:
            continue  # derived from the others
        if site in without:
            continue
        values = np.asarray(draws.values, dtype=np.float64)
        values = values.reshape(*_shape(posterior), *values.shape[1:])
        flat = values.reshape(*values.shape[:2], -1)
        varies = np.isfinite(flat).all((0, 1)) & (np.ptp(flat, axis=(0, 1)) > 0)
        usable = np.flatnonzero(varies & ~mirrored(values))
        total += len(usable)
        between, ess = rough_r_hat(flat[..., usable]), rough_ess(flat[..., usable])
        chosen = _worst(between, ess, most)
        labels = [axes[dim] for dim in draws.dims]
        for i in usable[chosen]:
            at = np.unravel_index(i, values.shape[2:])
            entry = ", ".join(str(label[j]) for label, j in zip(labels, at, strict=True))
            names.append(f"{site}[{entry}]" if entry else site)
        columns.append(flat[..., usable[chosen]])
        disagreement.append(between[chosen])
        worth.append(ess[chosen])
    if not names:
        return Entries([], np.empty((*_shape(posterior), 0)), total)
    chosen = _worst(np.concatenate(disagreement), np.concatenate(worth), most)
    return Entries([names[i] for i in chosen], np.concatenate(columns, -1)[..., chosen], total)


def mirrored(values: np.ndarray) -> np.ndarray:
    """``[entries]`` of ``values [chains, draws, *entries]``: which are there a second time.

    That is the upper half of a symmetric matrix.
    """
    shape = values.shape[2:]
    square = len(shape) > 1 and shape[-1] == shape[-2]
    if not square or not np.array_equal(values, values.swapaxes(-1, -2)):
        return np.zeros(int(np.prod(shape)), dtype=bool)
    return np.broadcast_to(np.triu(np.ones(shape[-2:], dtype=bool), 1), shape).ravel()


def _worst(disagreement: np.ndarray, ess: np.ndarray, most: int) -> np.ndarray:
    """Positions of the worst by either measure, at most ``most``, in their own order."""
    if len(ess) <= most:
        return np.arange(len(ess))
    half = most // 2
    return np.unique(np.concatenate([np.argsort(-disagreement)[:half], np.argsort(ess)[:half]]))


def rough_r_hat(values: np.ndarray) -> np.ndarray:
    """Split R-hat ``[entries]`` of location and of spread, the larger; no ranks, all entries at once."""
    halves = values.shape[1] // 2
    split = np.concatenate([values[:, :halves], values[:, -halves:]])
    folded = np.abs(split - np.median(split, axis=(0, 1)))
    found = []
    for chains in (split, folded):
        within = chains.var(1, ddof=1).mean(0) if halves > 1 else np.zeros(chains.shape[-1])
        between = chains.mean(1).var(0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.sqrt((halves - 1) / halves + between / within))
    return np.nan_to_num(np.fmax(*found), nan=0.0, posinf=np.inf)


def rough_ess(values: np.ndarray) -> np.ndarray:
    """Effective sample size ``[entries]`` by means of batches of about the root of the draws."""
    chains, draws = values.shape[:2]
    size = max(1, int(np.sqrt(draws)))
    batches = draws // size
    means = values[:, : batches * size].reshape(chains, batches, size, -1).mean(2)
    variance = values.reshape(chains * draws, -1).var(0)
    return chains * draws * variance / np.maximum(size * means.reshape(chains * batches, -1).var(0), 1e-300)


def _shape(posterior: Posterior) -> tuple[int, int]:
    chains = posterior.record.chains
    return chains, posterior.number // chains
