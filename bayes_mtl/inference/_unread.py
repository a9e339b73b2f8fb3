"""Losses that a GPU still works on."""

from collections.abc import Mapping

import torch
from torch import Tensor

_MOST = 50
"""Steps between two readings: a host that waits for every loss lets a GPU idle between steps."""


class Unread:
    """Losses of the newest steps, in order, and the batches they belong to.

    Parameters
    ----------
    together
        Whether losses may wait for each other; False reads every one at once.
    """

    def __init__(self, together: bool) -> None:
        self._most = _MOST if together else 1
        self._losses: list[float | Tensor] = []
        self.drawn: list[Mapping[str, Tensor]] = []

    def __len__(self) -> int:
        return len(self._losses)

    @property
    def due(self) -> bool:
        """Whether it is time to read, as it always is for losses that are known already."""
        return len(self) >= self._most or (len(self) > 0 and isinstance(self._losses[-1], float))

    def add(self, loss: float | Tensor, drawn: Mapping[str, Tensor]) -> None:
        """Take the next step's loss and batch."""
        self._losses.append(loss)
        self.drawn.append(drawn)

    def read(self) -> list[float]:
        """All of them; the GPU is waited for."""
        tensors = [value for value in self._losses if isinstance(value, Tensor)]
        if len(tensors) == len(self):
            found: list[float] = torch.stack(tensors).tolist()
            return found
        return [float(value) for value in self._losses]

    def clear(self) -> None:
        """Forget them."""
        self._losses.clear()
        self.drawn.clear()
