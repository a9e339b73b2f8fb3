"""A guide of which a prior brings a part."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from pyro import poutine
from pyro.contrib.autoname import scope
from torch import Tensor, nn

from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.model import Program


class PriorGuide(nn.Module):
    """The prior's own guide, for each kind of tasks, and Gaussian blocks for all other sites.

    Parameters
    ----------
    program
        Of the model.
    parts
        The prior's guide by kind.
    values
        Starting values of all sites.
    """

    def __init__(self, program: Program, parts: Mapping[str, nn.Module], values: dict[str, Tensor]) -> None:
        super().__init__()
        self._kinds = tuple(parts)
        self.parts = nn.ModuleList(parts.values())
        self._own: set[str] = set()
        self.rest = AutoTaskBlocks(self._without_own(program), values)

    def forward(self, *arguments: Any) -> None:
        """Sample all latent sites."""
        with poutine.trace() as tracer:
            for kind, part in zip(self._kinds, self.parts, strict=True):
                with scope(prefix=kind) if kind else nullcontext():
                    part(*arguments)
        self._own |= set(tracer.trace.nodes)
        self.rest(*arguments)

    def after_step(self) -> None:
        """Let the parts that keep something renew it."""
        for part in self.parts:
            renew(part)

    def _without_own(self, program: Callable[..., Any]) -> Callable[..., Any]:
        """The program, its sites that the parts sample hidden: known once these have run."""

        def hidden(site: Mapping[str, Any]) -> bool:
            return site["name"] in self._own

        return poutine.block(program, hide_fn=hidden)


def renewal(module: object) -> Callable[[], None] | None:
    """What a guide or program does after each step; None where there is nothing."""
    hook: Callable[[], None] | None = getattr(module, "after_step", None)
    return hook


def renew(module: object) -> None:
    """Call ``after_step`` of a guide or program that has one."""
    hook = renewal(module)
    if hook is not None:
        hook()


def guide_of_prior(program: Program, values: dict[str, Tensor]) -> PriorGuide | None:
    """The guide with the part that the program's prior brings; None where it brings none."""
    parts = {}
    for kind, tasks in program.kinds:
        dims = program.dims(program.task_features, tasks, kind)
        own = {name.removeprefix(f"{kind}/"): value for name, value in values.items()} if kind else values
        part = program.prior.guide(dims, own, program.design)
        if part is not None:
            parts[kind] = part
    return PriorGuide(program, parts, values) if parts else None
