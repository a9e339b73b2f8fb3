"""A guide in which some sites are known: they come from draws of an earlier fit."""

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Delta, Uniform
from pyro.poutine.messenger import Messenger
from torch import Tensor, nn

from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.model import Program


class KnownGuide(nn.Module):
    """A prior's own guide and Gaussian blocks for the rest, given draws of what is known already.

    Parameters
    ----------
    program
        Of the model.
    part
        The prior's guide; what it samples of the known sites is replaced. None where it brings none.
    known
        ``[draws, 1, *event]`` for each known site. Each particle takes one draw of all of them.
    """

    def __init__(self, program: Program, part: nn.Module | None, known: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.part, self._known = part, dict(known)
        self._own: set[str] = set(known)
        self.rest = AutoTaskBlocks(poutine.block(program, hide_fn=lambda site: site["name"] in self._own), {})

    def forward(self, *arguments: Any) -> None:
        """Sample all latent sites."""
        values = self._one_draw()
        with poutine.trace() as tracer, _Replaced(values):
            if self.part is not None:
                self.part(*arguments)
            self._own |= set(tracer.trace.nodes)
            for name, value in values.items():
                if name not in tracer.trace.nodes:
                    pyro.sample(name, Delta(value, event_dim=self._known[name].dim() - 2))
        self.rest(*arguments)

    def after_step(self) -> None:
        """As the prior's guide does."""
        hook = getattr(self.part, "after_step", None)
        if hook is not None:
            hook()

    def _one_draw(self) -> dict[str, Tensor]:
        if not self._known:
            return {}
        number = len(next(iter(self._known.values())))
        place = pyro.sample("_draw", Uniform(0.0, 1.0), infer={"is_auxiliary": True})
        index = (place * number).long().clamp(max=number - 1)
        return {name: value[:, 0][index] for name, value in self._known.items()}


class _Replaced(Messenger):
    """Puts known values in place of what a guide would sample."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._values = values

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        if msg["name"] in self._values:
            value = self._values[msg["name"]]
            msg["fn"] = Delta(value, event_dim=msg["fn"].event_dim)
            msg["value"] = torch.as_tensor(value)
