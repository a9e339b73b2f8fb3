"""What program and guide are called with, from batches."""

from typing import Any

import torch
from torch import Tensor

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
