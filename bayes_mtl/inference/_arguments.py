"""What program and guide are called with, from batches."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._prefetched import Prefetched


def arguments_of(batches: Batches, drawn: dict[str, Tensor]) -> tuple[Any, ...]:
    """Arguments of program and guide for what was drawn."""
    found = batches.assemble(**drawn)
    return found if isinstance(found, tuple) else (found,)


def draw_from(batches: Batches | Prefetched) -> dict[str, Tensor]:
    """What chooses the next batch."""
    with torch.device("cpu"):  # where batches are chosen, whatever the device of the step
        return batches.draw()


def next_arguments(batches: Batches) -> tuple[Any, ...]:
    """Arguments of program and guide for another batch."""
    return arguments_of(batches, draw_from(batches))


def kinds_of(drawn: Mapping[str, Tensor]) -> list[tuple[object, ...]]:
    """Types, shapes and strides, on which machine code depends without looking at them again."""
    return [(value.dtype, value.shape, value.stride()) for value in drawn.values()]


def require_kinds(drawn: Mapping[str, Tensor], expected: list[tuple[object, ...]]) -> None:
    """Refuse a batch of another shape than the one that a step was compiled for.

    Raises
    ------
    UnsupportedError
        With both.
    """
    found = kinds_of(drawn)
    if found != expected:
        raise UnsupportedError(
            f"A batch has other shapes, {found}, than the one that the step was compiled for, {expected}. "
            "Pass compile=False."
        )
