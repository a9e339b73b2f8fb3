"""One uncompiled step of SVI that touches the tasks of its batch only."""

import torch
from torch import Tensor

from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._visits import state_of
from bayes_mtl.inference._whole_step import whole_step


class TaskStep:
    """What `EagerStep` does, with parameters and Adam's moments of other tasks left as they are.

    Parameters
    ----------
    parts
        Of the training, with batches of tasks.
    """

    def __init__(self, parts: Parts) -> None:
        self._gradient = ElboGradient(parts.program, parts.guide, parts.particles)
        self._modules, self._batches = parts.learned.modules, parts.batches
        self._optimiser = parts.optimiser
        self._state = state_of(parts.guide, parts.learned, parts.optimiser)

    def __call__(self, drawn: dict[str, Tensor]) -> float:
        """Loss on the batch that was drawn; where it is not finite, the parameters stay as they are."""
        self._state.follow(self._optimiser)
        with torch.enable_grad():
            found = whole_step(
                self._gradient, self._modules, self._batches, self._state, self._state.detached(), drawn
            )
        return float(found)

    def finish(self) -> None:
        """Hand Adam's count of steps back to the optimiser."""
        self._state.hand_back(self._optimiser)
