"""Everything that training changes, in one place: parameters and buffers of guide and program."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pyro import poutine
from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._hidden import hidden


class Learned:
    """Parameters and buffers of a guide and, where it has any, of a program.

    Parameters
    ----------
    program, guide
        Called once, which creates what they create at their first call.
    arguments
        Of both.
    memory
        What a rule for the network's gradient keeps from step to step, or None.

    Raises
    ------
    UnsupportedError
        For parameters that no module owns: they would stay as they are, in silence.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        guide: nn.Module,
        arguments: tuple[Any, ...],
        memory: nn.Module | None = None,
    ) -> None:
        with torch.no_grad(), hidden(), poutine.trace(param_only=True) as tracer:
            drawn = poutine.trace(guide).get_trace(*arguments)
            poutine.replay(program, trace=drawn)(*arguments)
        self._modules = {"guide": guide}
        if isinstance(program, nn.Module):
            self._modules["program"] = program
        if memory is not None:
            self._modules["rule"] = memory
        own = {id(parameter) for module in self._modules.values() for parameter in module.parameters()}
        for name, site in tracer.trace.nodes.items():
            if site["type"] == "param" and id(_leaf(site["value"])) not in own:
                raise UnsupportedError(
                    f"The parameter '{name}' is declared by pyro.param in a module or in a model, where it "
                    "would not be trained. In a module, make it a PyroParam or an nn.Parameter; in a model, "
                    "a latent site with a prior."
                )

    @property
    def modules(self) -> list[nn.Module]:
        """All that hold parameters or buffers."""
        return list(self._modules.values())

    def groups(
        self, apart: nn.Module | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Parameters for an optimiser, the guide's first; frozen ones are none.

        Parameters
        ----------
        apart
            A module whose parameters form a last group of their own, with these ``settings``.
        """
        own = [] if apart is None else [value for value in apart.parameters() if value.requires_grad]
        known = {id(value) for value in own}
        groups: list[dict[str, Any]] = [
            {"params": [v for v in module.parameters() if v.requires_grad and id(v) not in known]}
            for module in self._modules.values()
        ]
        groups.append({"params": own, **(settings or {})})
        return [group for group in groups if group["params"]]

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
