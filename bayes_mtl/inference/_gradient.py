"""What a step asks of a gradient."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Gradient(Protocol):
    """Loss of a batch, detached, and what its parameters are moved along."""

    def __call__(
        self, arguments: tuple[Any, ...], leaves: list[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]: ...
