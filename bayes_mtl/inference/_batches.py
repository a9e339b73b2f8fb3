"""What the training loop asks of a source of batches."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Batches(Protocol):
    """Where the loop gets the arguments of its steps.

    A batch comes in two parts, so that the second can be compiled with the rest of the step: ``draw``
    chooses, by random numbers of its own, and ``assemble`` makes arguments of the choice by tensor
    operations alone.
    """

    def draw(self) -> dict[str, Tensor]: ...
    def assemble(self, *args: Any, **drawn: Any) -> Any: ...
    def state(self) -> dict[str, Tensor]: ...
    def load_state(self, state: dict[str, Tensor]) -> None: ...
