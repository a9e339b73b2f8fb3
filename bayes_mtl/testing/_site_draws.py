"""Values of a program's latent sites, and its log-density at them: all at once, and one by one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from bayes_mtl._seed import seeded
from bayes_mtl.testing._moderate import Moderate


@dataclass(frozen=True, eq=False)
class SiteDraws:
    """Draws of the latent sites of a program.

    Attributes
    ----------
    values
        ``[draws, tasks or 1, *event]`` for each site.
    plated
        Sites inside the plate of tasks.
    """

    values: dict[str, Tensor]
    plated: frozenset[str]

    @property
    def number(self) -> int:
        """Number of draws."""
        return next(iter(self.values.values())).shape[0] if self.values else 1

    def to(self, dtype: torch.dtype) -> "SiteDraws":
        """The same draws in another floating-point type."""
        values = {k: v.to(dtype) if v.is_floating_point() else v for k, v in self.values.items()}
        return SiteDraws(values, self.plated)

    def one(self, draw: int) -> dict[str, Tensor]:
        """One draw, shaped as a program without particles samples it."""
        return {k: v[draw] if k in self.plated else v[draw, 0] for k, v in self.values.items()}


def draw_sites(program: Callable[..., Any], *arguments: Any, draws: int = 3, seed: int = 0) -> SiteDraws:
    """Run ``program`` several times and stack what it samples, far tails left out."""
    with seeded(seed), torch.no_grad(), Moderate():
        traces = [_trace(program, arguments) for _ in range(draws)]
    found, plated = {}, set()
    for name, site in latent(traces[0]):
        values = [trace.nodes[name]["value"] for trace in traces]
        if len(site["fn"].batch_shape):
            plated.add(name)
            found[name] = torch.stack(values)
        else:
            found[name] = torch.stack(values).unsqueeze(1)
    return SiteDraws(found, frozenset(plated))


def latent(trace: poutine.Trace) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Latent sites of a trace by name."""
    for name, site in trace.nodes.items():
        if site["type"] == "sample" and not site["is_observed"] and not site_is_subsample(site):
            yield name, site


def together(program: Callable[..., Any], arguments: tuple[Any, ...], draws: SiteDraws) -> poutine.Trace:
    """Trace of the program at all draws at once, as vectorised particles run it."""
    with poutine.block(), pyro.plate("draws", draws.number, dim=-2):
        return _trace(poutine.condition(program, data=draws.values), arguments)


def alone(
    program: Callable[..., Any], arguments: tuple[Any, ...], draws: SiteDraws
) -> Iterator[poutine.Trace]:
    """Traces of the program at one draw after the other."""
    for draw in range(draws.number):
        with poutine.block():
            yield _trace(poutine.condition(program, data=draws.one(draw)), arguments)


def log_densities(trace: poutine.Trace, draws: int | None = None) -> dict[str, Tensor]:
    """Log-density of each site: ``[draws]`` of a trace of all at once, else one number."""
    trace.compute_log_prob()
    sites = {
        name: site["log_prob"]
        for name, site in trace.nodes.items()
        if site["type"] == "sample" and not site_is_subsample(site)
    }
    if draws is None:
        return {name: value.sum() for name, value in sites.items()}
    return {name: value.expand(draws, -1).sum(-1) for name, value in sites.items()}


def _trace(program: Callable[..., Any], arguments: tuple[Any, ...]) -> poutine.Trace:
    return poutine.trace(program).get_trace(*arguments)
