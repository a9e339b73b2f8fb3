"""Every observation at every step."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class WholeData:
    """Stands in for `Minibatches` where the data are small enough to take whole."""

    batch: Any

    def draw(self) -> dict[str, Tensor]:
        """Nothing: there is no choice."""
        return {}

    def assemble(self, *args: Any, **drawn: Any) -> Any:
        """The one batch (or tuple of arguments)."""
        return self.batch

    def state(self) -> dict[str, Tensor]:
        """Nothing: there is no place to remember."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Nothing to restore."""
