"""What the training loop asks of a source of batches."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Batches(Protocol):
    """Where the loop gets the arguments of its steps."""

    def next(self) -> Any: ...
    def state(self) -> dict[str, Tensor]: ...
    def load_state(self, state: dict[str, Tensor]) -> None: ...
