"""The guide of a training: that of the prior, the user's, or the default."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pyro.infer.autoguide import AutoGuide
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor, nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.inference._auto_amortised import AutoAmortised
from bayes_mtl.inference._function_guide import FunctionGuide
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.inference._prior_guide import guide_of_prior
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._task_summaries import task_summaries
from bayes_mtl.model import Program


def make_guide(
    chosen: Callable[[Any], Any] | None,
    program: Callable[..., Any],
    values: dict[str, Tensor],
    data: TaskData | None = None,
) -> nn.Module:
    """Guide of a program that starts from ``values``; of ``data``, where there are tasks to read.

    Raises
    ------
    UnsupportedError
        For a guide of the user's where the prior needs its own.
    """
    if isinstance(program, Program):
        if chosen is not None:
            require_fixed_joint(program.prior, None, "Another guide")
        else:
            own = guide_of_prior(program, values)
            if own is not None:
                return own
    if chosen is None:
        return AutoTaskBlocks(program, values)
    kind = chosen.func if isinstance(chosen, partial) else chosen
    if isinstance(kind, type) and issubclass(kind, AutoAmortised):
        if data is None or not isinstance(program, Program):
            raise UnsupportedError("AutoAmortised is for unknowns of tasks, and here are none. Leave it out.")
        summaries = task_summaries(program, data).to(program.used.device)
        amortised: nn.Module = chosen(program, values=values, summaries=summaries)  # type: ignore[call-arg]
        return amortised
    if isinstance(kind, type) and issubclass(kind, AutoGuide):
        made: nn.Module = chosen(InitMessenger(partial(start_near_zero, values))(program))
        return made
    guide = chosen(program)
    return guide if isinstance(guide, nn.Module) else FunctionGuide(guide)
