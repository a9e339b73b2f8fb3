"""A step of SVI as tensor operations on a state, to be captured or run as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl._hidden import hidden
from bayes_mtl.inference._arguments import arguments_of
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._gradient import Gradient
from bayes_mtl.inference._step_state import StepState


def gradient_of(
    gradient: Gradient,
    modules: Sequence[nn.Module],
    batches: Batches,
    held: StepState,
    now: StepState,
    batch: Mapping[str, Tensor],
) -> tuple[Tensor, list[Tensor | None]]:
    """Loss of a batch and its gradient by the parameters of ``now``, whose buffers it may change in place.

    Parameters
    ----------
    modules, held, now, batch
        As for `whole_step`.
    """
    leaves = now.leaves(batch.get("members"))
    known = zip([*held.parameters, *held.buffers], [*leaves, *now.buffers], strict=True)
    with _in_place_of({id(old): new for old, new in known}, modules):
        return gradient(arguments_of(batches, dict(batch)), leaves)


def whole_step(
    gradient: Gradient,
    modules: Sequence[nn.Module],
    batches: Batches,
    held: StepState,
    now: StepState,
    batch: Mapping[str, Tensor],
    renewals: Sequence[Callable[[], None]] = (),
) -> Tensor:
    """Loss of a batch; moves ``now`` in place along its gradient, with Adam.

    Parameters
    ----------
    modules
        All that hold a tensor of the state.
    held, now
        The state whose tensors the modules hold, and the one that the step reads and changes.
    batch
        What was drawn; with ``members``, parameters by task are seen and moved for these tasks only.
    renewals
        What the modules do after each step.
    """
    loss, gradients = gradient_of(gradient, modules, batches, held, now, batch)
    now.adam(gradients, torch.isfinite(loss), batch.get("members"), batch.get("weight"))
    if renewals:
        moved = zip([*held.parameters, *held.buffers], [*now.parameters, *now.buffers], strict=True)
        with torch.no_grad(), _in_place_of({id(old): new for old, new in moved}, modules):
            for renew in renewals:
                renew()
    return loss


@contextmanager
def _in_place_of(tensors: Mapping[int, Tensor], modules: Sequence[nn.Module]) -> Iterator[None]:
    """Modules with other tensors where the parameters and buffers of these identities stood."""
    undo: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for module in {id(m): m for top in modules for m in top.modules()}.values():
            for table in (vars(module)["_parameters"], vars(module)["_buffers"]):
                for name, value in table.items():
                    if id(value) in tensors:
                        undo.append((table, name, value))
                        table[name] = tensors[id(value)]
        with hidden():
            yield
    finally:
        for table, name, value in undo:
            table[name] = value
