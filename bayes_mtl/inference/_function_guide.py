"""A guide that is a plain function with ``pyro.param`` statements."""

from collections.abc import Callable
from typing import Any

import pyro
from torch import nn


class FunctionGuide(nn.Module):
    """Makes a module of a guide function: its parameters are its own, not those of Pyro's global store.

    They stand, unconstrained, where every module has its parameters, so that a step that is captured can put
    others in their place.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function
        self._constraints: dict[str, Any] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with its own parameters in Pyro's store."""
        own = vars(self)["_parameters"]
        state = {"params": dict(own), "constraints": dict(self._constraints)}
        with pyro.get_param_store().scope(state=state):
            result = self._function(*args, **kwargs)
        self._constraints = dict(state["constraints"])
        own.update({name: value for name, value in state["params"].items() if name not in own})
        return result
