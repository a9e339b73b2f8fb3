"""Draws from a trained guide, and how well they cover the posterior."""

from collections.abc import Callable
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from bayes_mtl._hidden import hidden


def guided_draws(
    program: Callable[..., Any],
    guide: Callable[..., Any],
    arguments: tuple[Any, ...],
    draws: int,
    chunk: int = 250,
) -> tuple[dict[str, Tensor], Tensor]:
    """Draw all latent sites from a guide.

    Parameters
    ----------
    program
        The program, or the part of it that samples the latent sites.
    chunk
        Draws a pass, which bounds the memory.

    Returns
    -------
    dict
        ``[draws, tasks or 1, *event]`` for each site.
    Tensor
        ``[draws]``: log-density of the program's sites minus that of the guide.
    """
    parts, weights = [], []
    for start in range(0, draws, chunk):
        number = min(chunk, draws - start)
        with torch.no_grad(), hidden(), pyro.plate("draws", number, dim=-2):
            guide_trace = poutine.trace(guide).get_trace(*arguments)
            replayed = poutine.replay(program, trace=guide_trace)
            trace = poutine.trace(replayed).get_trace(*arguments)
            weights.append(_summed(trace, number) - _summed(guide_trace, number))
        values = {
            name: site["value"]
            for name, site in trace.nodes.items()
            if site["type"] == "sample" and not site["is_observed"] and not site_is_subsample(site)
        }
        parts.append({n: v.expand(number, *v.shape[1:]) for n, v in values.items()})
    return {n: torch.cat([part[n] for part in parts]) for n in parts[0]}, torch.cat(weights)


def _summed(trace: poutine.Trace, draws: int) -> Tensor:
    """Log-density of each draw, summed over all sites and their plates."""
    trace.compute_log_prob()
    total = torch.zeros(draws, device="cpu")
    for site in trace.nodes.values():
        if site["type"] == "sample" and not site_is_subsample(site):
            total = total + site["log_prob"].expand(draws, -1).sum(-1).cpu()
    return total
