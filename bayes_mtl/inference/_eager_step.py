"""One step of SVI, operation by operation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._elbo import elbo_of


class EagerStep:
    """Evaluates the ELBO on the next batch, and moves the parameters along its gradient.

    Parameters
    ----------
    program, guide
        Pyro callables of the batch.
    batches
        Where batches come from.
    optimiser
        Of the parameters of both.
    particles
        Draws of the guide a step, evaluated together.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        guide: nn.Module,
        batches: Batches,
        optimiser: torch.optim.Optimizer,
        particles: int,
    ) -> None:
        self._program, self._guide = program, guide
        self._batches, self._optimiser = batches, optimiser
        self._elbo = elbo_of(particles)

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        self._optimiser.zero_grad()
        loss = self._elbo.differentiable_loss(self._program, self._guide, *arguments_of(self._batches, drawn))
        loss.backward()
        value = float(loss.detach())
        if value - value == 0.0:  # neither infinite nor NaN
            self._optimiser.step()
        return value

    def finish(self) -> None:
        """Nothing is kept outside of parameters and optimiser."""


def arguments_of(batches: Batches, drawn: dict[str, Tensor]) -> tuple[Any, ...]:
    """Arguments of program and guide for what was drawn."""
    found = batches.assemble(**drawn)
    return found if isinstance(found, tuple) else (found,)
