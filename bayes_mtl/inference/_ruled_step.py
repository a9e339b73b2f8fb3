"""One step of SVI along a gradient of its own, operation by operation."""

import torch
from torch import Tensor

from bayes_mtl.inference._arguments import arguments_of
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._gradient import Gradient


class RuledStep:
    """Moves the parameters along what ``gradient`` finds on the next batch.

    Parameters
    ----------
    gradient
        Loss and gradient of a batch.
    batches
        Where batches come from.
    optimiser
        Of the parameters.
    """

    def __init__(self, gradient: Gradient, batches: Batches, optimiser: torch.optim.Optimizer) -> None:
        self._gradient, self._batches, self._optimiser = gradient, batches, optimiser

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        leaves = [value for group in self._optimiser.param_groups for value in group["params"]]
        loss, gradients = self._gradient(arguments_of(self._batches, drawn), leaves)
        value = float(loss)
        if value - value == 0.0:  # neither infinite nor NaN
            for leaf, gradient in zip(leaves, gradients, strict=True):
                leaf.grad = gradient
            self._optimiser.step()
        return value

    def finish(self) -> None:
        """Nothing is kept outside of parameters and optimiser."""
