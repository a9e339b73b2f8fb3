"""Which way the steps of a training are run: operation by operation, or compiled."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from bayes_mtl.inference._compile import compile_or_warn
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._eager_step import EagerStep
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._prior_guide import renewal
from bayes_mtl.inference._processes import ALONE, Processes
from bayes_mtl.inference._ruled_step import RuledStep
from bayes_mtl.inference._shared_step import SharedStep
from bayes_mtl.inference._step import Step
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._task_step import TaskStep
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.model import Program

_FIRST_EAGER = 300
"""Steps before ``"auto"`` compiles: a fit that ends within them gains nothing."""
_WORTH_COMPILING = 2_000
"""Steps that must be left: compiling costs about as much as a thousand uncompiled ones."""


_LARGE_HEAD = 1_000
"""Weights of a task, over all of its outputs, from which products of matrices are most of a step."""


class Steps:
    """Runs steps, and changes over to compiled ones when it pays.

    The rule counts steps and looks at no clock: a fit's result must not depend on how busy the machine is.

    Parameters
    ----------
    parts
        Of the training.
    compile
        True, False or ``"auto"``.
    steps
        Most steps of the training.
    network
        How the network is trained, where that is different.
    processes
        That do each step together.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        compile: bool | Literal["auto"],
        steps: int,
        network: TrainedNetwork | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self._parts = parts
        self._gradient = None if network is None else network.gradient(parts.guide, parts.particles)
        self._processes = processes
        self._step: Step
        if processes.several:
            self._step = SharedStep(parts, processes)
        elif isinstance(parts.batches, TaskBatches):
            self._step = TaskStep(parts)
        elif self._gradient is None:
            self._step = EagerStep(parts)
        else:
            self._step = RuledStep(self._gradient, parts.batches, parts.optimiser)
        hooks = [renewal(module) for module in (parts.guide, parts.program)]
        self._renewals = [hook for hook in hooks if hook is not None]
        self._compile, self._steps, self._own = compile, steps, 0
        if network is not None and not network.captured:
            self._compile = False

    def __call__(
        self, number: int, drawn: dict[str, Tensor], announce: Callable[[str], Any]
    ) -> float | Tensor:
        """Run step ``number``, and what guide and program do after each."""
        if self._due(number):
            announce("SVI (compiling)")
            self._change(drawn)
            announce("SVI")
        self._own += 1
        loss = self._step(drawn)
        if not isinstance(self._step, CompiledStep):
            for renew in self._renewals:
                renew()
        return loss

    def finish(self) -> None:
        """Leave everything that was learned in modules and optimiser."""
        self._step.finish()

    def _due(self, number: int) -> bool:
        if self._compile == "auto":
            return number == _FIRST_EAGER and self._steps - number >= _WORTH_COMPILING
        return bool(self._compile) and self._own == 0

    def _change(self, drawn: dict[str, Tensor]) -> None:
        self._step.finish()
        if not _multiplies(self._parts.program):
            torch.set_num_threads(1)
        self._step = compile_or_warn(partial(self._compiled, drawn), "SVI") or self._step

    def _compiled(self, drawn: dict[str, Tensor]) -> Step:
        if self._processes.several:
            return SharedStep(self._parts, self._processes, drawn)
        return CompiledStep(self._parts, drawn, gradient=self._gradient, renewals=self._renewals)


def _multiplies(program: object) -> bool:
    """Whether a compiled step is products of matrices for the most part, which gain by several threads.

    Elsewhere it is sums over rows by task, which wait for each other: 1.4 to 4 times slower on two threads.
    """
    if not isinstance(program, Program):
        return False
    large = program.outputs > 1 and len(program.features) * program.outputs >= _LARGE_HEAD
    return program.network is not None or large
