"""Everything that training changes, in one place: parameters and buffers of guide and program."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pyro import poutine
from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError


class Learned:
    """Parameters and buffers of a guide and, where it has any, of a program.

    Parameters
    ----------
    program, guide
        Called once, which creates what they create at their first call.
    arguments
        Of both.

    Raises
    ------
    UnsupportedError
        For parameters that no module owns: they would stay as they are, in silence.
    """

    def __init__(self, program: Callable[..., Any], guide: nn.Module, arguments: tuple[Any, ...]) -> None:
        with torch.no_grad(), poutine.block(), poutine.trace(param_only=True) as tracer:
            drawn = poutine.trace(guide).get_trace(*arguments)
            poutine.replay(program, trace=drawn)(*arguments)
        self._modules = {"guide": guide}
        if isinstance(program, nn.Module):
            self._modules["program"] = program
        own = {id(parameter) for module in self._modules.values() for parameter in module.parameters()}
        for name, site in tracer.trace.nodes.items():
            if site["type"] == "param" and id(_leaf(site["value"])) not in own:
                raise UnsupportedError(
                    f"The parameter '{name}' is declared by pyro.param in a module or in a model, where it "
                    "would not be trained. In a module, make it a PyroParam or an nn.Parameter; in a model, "
                    "a latent site with a prior."
                )

    def groups(self) -> list[dict[str, Any]]:
        """Parameters for an optimiser, the guide's first."""
        groups = [list(module.parameters()) for module in self._modules.values()]
        return [{"params": group} for group in groups if group]

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, those that are not saved with their module included."""
        found: dict[str, Tensor] = {}
        for prefix, module in self._modules.items():
            named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
            found |= {f"{prefix}/{name}": value for name, value in named.items()}
        return found

    def copy(self) -> dict[str, Tensor]:
        """The tensors as they are now."""
        return {name: value.detach().clone() for name, value in self.tensors().items()}

    def restore(self, saved: Mapping[str, Tensor]) -> None:
        """Put back what `copy` returned."""
        with torch.no_grad():
            for name, value in self.tensors().items():
                value.copy_(saved[name])


def _leaf(value: Tensor) -> Tensor | None:
    """The unconstrained tensor behind the value of a parameter."""
    return value.unconstrained() if hasattr(value, "unconstrained") else value
