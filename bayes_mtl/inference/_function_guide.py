"""A guide that is a plain function with ``pyro.param`` statements."""

from collections.abc import Callable, Iterator
from typing import Any

import pyro
from torch import nn


class FunctionGuide(nn.Module):
    """Makes a module of a guide function: its parameters are its own, not those of Pyro's global store."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function
        self._store: dict[str, Any] = {"params": {}, "constraints": {}}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with its own parameters in Pyro's store."""
        with pyro.get_param_store().scope(state=self._store):
            return self._function(*args, **kwargs)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """Unconstrained parameters that the function has declared so far."""
        yield from self._store["params"].items()
