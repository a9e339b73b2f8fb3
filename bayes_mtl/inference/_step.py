"""What the training loop asks of a step."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Step(Protocol):
    """One step of SVI on a batch that was drawn; returns its loss, as a tensor where a GPU is still at it."""

    def __call__(self, drawn: dict[str, Tensor]) -> float | Tensor: ...
    def finish(self) -> None: ...
