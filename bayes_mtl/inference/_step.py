"""What the training loop asks of a step."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Step(Protocol):
    """One step of SVI on a batch that was drawn; returns its loss."""

    def __call__(self, drawn: dict[str, Tensor]) -> float: ...
    def finish(self) -> None: ...
