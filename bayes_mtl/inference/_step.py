"""What the training loop asks of a step, and a step of a gradient."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Step(Protocol):
    """One step of SVI on a batch that was drawn; returns its loss."""

    def __call__(self, drawn: dict[str, Tensor]) -> float: ...
    def finish(self) -> None: ...


@runtime_checkable
class Gradient(Protocol):
    """Loss of a batch, detached, and what its parameters are moved along."""

    def __call__(
        self, arguments: tuple[Any, ...], leaves: list[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]: ...
