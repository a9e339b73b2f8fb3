"""One step of SVI, compiled."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bayes_mtl.inference._arguments import kinds_of, require_kinds
from bayes_mtl.inference._capture import capture_step, first
from bayes_mtl.inference._compile import compile_graph
from bayes_mtl.inference._cuda_graph import CudaGraph
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._gradient import Gradient
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._visits import state_of
from bayes_mtl.inference._whole_step import whole_step


class CompiledStep:
    """What `EagerStep` does, as one compiled graph: no Python between the operations, and few kernels.

    Draws come from torch's own generator in the same order, so that both give the same losses up to the
    rounding of float32.

    Parameters
    ----------
    parts
        Of the training. Adam's state is taken over, and handed back by `finish`.
    drawn
        A batch, for its shapes.
    compiled
        False to run the captured graph as it is.
    gradient
        What the parameters are moved along; default the ELBO's gradient.
    renewals
        What guide and program do after each step, which becomes a part of it.

    Raises
    ------
    UnsupportedError
        Where a step cannot be captured: the reason.
    """

    def __init__(
        self,
        parts: Parts,
        drawn: dict[str, Tensor],
        *,
        compiled: bool = True,
        gradient: Gradient | None = None,
        renewals: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._optimiser = parts.optimiser
        self._state = state_of(parts.guide, parts.learned, parts.optimiser)
        self._rates = [group["lr"] for group in parts.optimiser.param_groups]
        gradient = gradient or ElboGradient(parts.program, parts.guide, parts.particles)
        modules = parts.learned.modules
        step = partial(whole_step, gradient, modules, parts.batches, self._state, renewals=tuple(renewals))
        captured = capture_step(step, self._state, drawn)
        # Without gradients of their own: no block that turns gradients off is needed around each step.
        self._flat = [value.detach() for value in self._state.flat()]
        self._constants = captured.constants
        self._kinds = kinds_of(drawn)
        self._run: Callable[..., Any] = captured.graph
        if compiled:
            self._run = compile_graph(captured.graph, self._inputs(drawn))
        self._flushed = float(torch.tensor(1e-39) * 1.0) == 0.0  # how it was, which torch does not tell
        on_gpu = self._flat[0].device.type == "cuda"
        self._graph = CudaGraph(self._run, self._flat, drawn, self._constants) if on_gpu else None

    def _inputs(self, drawn: dict[str, Tensor]) -> list[Tensor]:
        return [*self._flat, *drawn.values(), *self._constants]

    def __call__(self, drawn: dict[str, Tensor]) -> float | Tensor:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        require_kinds(drawn, self._kinds)
        rates = [group["lr"] for group in self._optimiser.param_groups]
        if rates != self._rates:
            self._rates = rates
            self._state.follow(self._optimiser)
        if self._graph is not None:
            return self._graph(drawn)
        # Shares of a mixture, and moments of what has no gradient, get smaller than normal numbers, with
        # which a CPU calculates many times as slowly.
        torch.set_flush_denormal(True)
        try:
            return float(first(self._run(*self._inputs(drawn))))
        finally:
            torch.set_flush_denormal(self._flushed)

    def finish(self) -> None:
        """Hand Adam's count of steps back to the optimiser."""
        self._state.hand_back(self._optimiser)
