"""The ELBO of one step, with the traces it is the sum of."""

from collections.abc import Callable
from typing import Any

import torch
from pyro.infer import Trace_ELBO
from pyro.poutine import Trace
from torch import Tensor

from bayes_mtl._errors import UnsupportedError


def elbo_of(particles: int) -> Trace_ELBO:
    """Pyro's ELBO with all draws of the guide evaluated together."""
    return Trace_ELBO(particles, max_plate_nesting=1, vectorize_particles=particles > 1)


def elbo_traces(
    program: Callable[..., Any], guide: Callable[..., Any], arguments: tuple[Any, ...], particles: int
) -> tuple[Trace, Trace]:
    """Traces of program and guide with the log-density of every site.

    Raises
    ------
    UnsupportedError
        For a guide without reparameterised draws.
    """
    ((model_trace, guide_trace),) = elbo_of(particles)._get_traces(program, guide, arguments, {})
    for name, site in guide_trace.nodes.items():
        if site["type"] == "sample" and not site["is_observed"] and not site["fn"].has_rsample:
            raise UnsupportedError(f"the guide's site '{name}' has no reparameterised draws")
    return model_trace, guide_trace


def negative_elbo(model_trace: Trace, guide_trace: Trace, particles: int) -> Tensor:
    """The loss without the numbers that `Trace_ELBO` takes off the graph."""
    loss: Tensor = (guide_trace.log_prob_sum() - model_trace.log_prob_sum()) / particles
    return loss


class ElboGradient:
    """Loss of a batch and its gradient.

    Parameters
    ----------
    program, guide, particles
        As for `EagerStep`; the guide's draws are reparameterised.
    """

    def __init__(self, program: Callable[..., Any], guide: Callable[..., Any], particles: int) -> None:
        self._program, self._guide, self._particles = program, guide, particles

    def __call__(
        self, arguments: tuple[Any, ...], leaves: list[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Loss, and its gradient by each of ``leaves``, which stand in the modules."""
        traces = elbo_traces(self._program, self._guide, arguments, self._particles)
        loss = negative_elbo(*traces, self._particles)
        return loss.detach(), list(torch.autograd.grad(loss, leaves, allow_unused=True))
