"""Which units (observations or rows) come next, and by how much each counts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message


class AbstractSampler(ABC):
    """Draws batches of units, and the factor of each that keeps sums over all units unbiased."""

    @abstractmethod
    def next(self) -> tuple[Tensor, Tensor]:
        """Draw units and their factors, both of the batch's size."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that `load_state` needs to go on exactly from here."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved state."""


def check_state(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Refuse a state of other minibatches."""
    same = set(state) == set(own) and all(
        isinstance(state[name], Tensor) and state[name].shape == own[name].shape for name in own
    )
    if not same or not torch.equal(state["sizes"].cpu(), own["sizes"]):
        raise InputError(
            message(
                "state",
                "the state of minibatches with the same data, size and temperature",
                "another one",
                "Build the minibatches as they were when the state was saved.",
            )
        )
