"""One step of SVI, operation by operation."""

from torch import Tensor

from bayes_mtl.inference._arguments import arguments_of
from bayes_mtl.inference._elbo import elbo_of
from bayes_mtl.inference._parts import Parts


class EagerStep:
    """Evaluates the ELBO on the next batch, and moves the parameters along its gradient.

    Parameters
    ----------
    parts
        Of the training.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._elbo = elbo_of(parts.particles)

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        parts = self._parts
        parts.optimiser.zero_grad()
        arguments = arguments_of(parts.batches, drawn)
        loss = self._elbo.differentiable_loss(parts.program, parts.guide, *arguments)
        loss.backward()
        value = float(loss.detach())
        if value - value == 0.0:  # neither infinite nor NaN
            parts.optimiser.step()
        return value

    def finish(self) -> None:
        """Nothing is kept outside of parameters and optimiser."""
