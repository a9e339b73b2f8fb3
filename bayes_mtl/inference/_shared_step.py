"""One step of SVI that several processes do together."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from bayes_mtl.inference._arguments import kinds_of, require_kinds
from bayes_mtl.inference._capture import capture_step
from bayes_mtl.inference._compile import compile_graph
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._processes import Processes
from bayes_mtl.inference._step_state import StepState
from bayes_mtl.inference._visits import state_of
from bayes_mtl.inference._whole_step import gradient_of


class SharedStep:
    """Each process finds the gradient on its share of the batch; all move along the mean of these.

    With the same random numbers in each the mean is the gradient that one process finds on the whole batch.

    Parameters
    ----------
    parts
        Of the training; the batches are this process's shares.
    processes
        That do the training.
    drawn
        A batch, for its shapes, where loss and gradient are to be compiled.

    Raises
    ------
    UnsupportedError
        For a guide without reparameterised draws, and where a step cannot be captured.
    """

    def __init__(
        self,
        parts: Parts,
        processes: Processes,
        drawn: dict[str, Tensor] | None = None,
    ) -> None:
        self._optimiser, self._processes = parts.optimiser, processes
        self._state = state_of(parts.guide, parts.learned, parts.optimiser)
        gradient = ElboGradient(parts.program, parts.guide, parts.particles)
        self._gradient: Callable[..., tuple[Tensor, list[Tensor | None]]] = partial(
            gradient_of, gradient, parts.learned.modules, parts.batches, self._state
        )
        if drawn is not None:
            self._gradient = self._compiled(drawn)

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the whole batch that was drawn; where it is not finite, the parameters stay as they are."""
        self._state.follow(self._optimiser)
        now = self._state.detached()
        with torch.enable_grad():
            loss, gradients = self._gradient(now, drawn)
        loss, *known = self._processes.mean([loss, *(value for value in gradients if value is not None)])
        left = iter(known)
        with torch.no_grad():
            now.adam(
                [None if value is None else next(left) for value in gradients],
                torch.isfinite(loss),
                drawn.get("members"),
                drawn.get("weight"),
            )
        return float(loss)

    def finish(self) -> None:
        """Hand Adam's count of steps back to the optimiser."""
        self._state.hand_back(self._optimiser)

    def _compiled(self, drawn: dict[str, Tensor]) -> Callable[..., tuple[Tensor, list[Tensor | None]]]:
        """The same as machine code; parameters that the loss does not depend on are known before."""
        own, known = self._gradient, list[bool]()

        def flat(now: StepState, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
            loss, gradients = own(now, batch)
            known[:] = [value is not None for value in gradients]
            return (loss, *(value for value in gradients if value is not None))

        captured = capture_step(flat, self._state, drawn)
        tensors = [value.detach() for value in self._state.flat()]
        kinds = kinds_of(drawn)
        run = compile_graph(captured.graph, [*tensors, *drawn.values(), *captured.constants])

        def found(now: StepState, batch: Mapping[str, Tensor]) -> tuple[Tensor, list[Tensor | None]]:
            require_kinds(batch, kinds)
            loss, *gradients = run(*tensors, *batch.values(), *captured.constants)
            left = iter(gradients)
            return loss, [next(left) if there else None for there in known]

        return found
