"""A step of SVI as one graph: batch, guide, program, ELBO, its gradient and, in most cases, Adam."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference._compile import constants_as_inputs
from bayes_mtl.inference._known_masks import positions_for_masks
from bayes_mtl.inference._small_algebra import SMALL_ALGEBRA
from bayes_mtl.inference._step_state import StepState
from bayes_mtl.inference._without_waits import move_constants_once, nan_for_errors

Outputs: TypeAlias = Tensor | tuple[Tensor, ...]
_TOLERANCE = 1e-4
"""Relative difference of two losses by the same operations: float32 sums, at most in another order."""


@dataclass(frozen=True, eq=False)
class CapturedStep:
    """The graph of a step, and the tensors that it reads besides state and batch.

    Attributes
    ----------
    graph
        Called with ``[*state.flat(), *drawn, *constants]``; returns what the step does, and changes
        the state in place.
    constants
        Tensors that stay as they are from step to step, the data among them.
    """

    graph: GraphModule
    constants: list[Tensor]


def capture_step(
    step: Callable[[StepState, Mapping[str, Tensor]], Outputs],
    state: StepState,
    drawn: Mapping[str, Tensor],
) -> CapturedStep:
    """Run one step on copies of the state and write down its operations.

    Parameters
    ----------
    step
        From a state, which it may change in place, and what was drawn to a loss, alone or before others.
    state
        Of the training.
    drawn
        A batch, for its shapes.

    Raises
    ------
    UnsupportedError
        For a guide without reparameterised draws, and for what a graph cannot hold.
    """

    def flat_step(*inputs: Tensor) -> Outputs:
        given, batch = tree_unflatten(list(inputs), form)
        return step(state.like(given), batch)

    copies = [value.detach().clone() for value in state.flat()]
    inputs, form = tree_flatten((copies, dict(drawn)))
    with torch.random.fork_rng():
        graph: GraphModule = make_fx(flat_step, decomposition_table=SMALL_ALGEBRA)(*inputs)
        nan_for_errors(graph)
        move_constants_once(graph)
        positions_for_masks(graph)
        found = CapturedStep(graph, constants_as_inputs(graph))
        losses = []
        for once in (lambda *given: graph(*given, *found.constants), flat_step):
            torch.manual_seed(1)
            copies = [value.detach().clone() for value in state.flat()]
            losses.append(float(first(once(*copies, *drawn.values()))))
    if not math.isclose(*losses, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        raise UnsupportedError(
            f"a captured step does not do the same again (loss {losses[0]:.6g}, uncaptured {losses[1]:.6g}); "
            "model or guide use random numbers, or a state, outside of torch and of their buffers"
        )
    return found


def first(found: Any) -> Tensor:
    """The loss among what a step returned."""
    loss: Tensor = found[0] if isinstance(found, (tuple, list)) else found
    return loss
