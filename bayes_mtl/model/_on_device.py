"""Running a program on another device than the one its priors were written on."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Transform
from torch.distributions.transforms import _InverseTransform

from bayes_mtl._hidden import AlwaysSeen
from bayes_mtl.model._triangles import known_triangles

_INVERSE = "_inv"


@contextmanager
def on_device(device: torch.device | str) -> Iterator[None]:
    """Make tensors and the parameters of priors on ``device`` inside the block.

    Hyperpriors are objects that were made before anybody knew of a device, so their parameters are
    on the CPU; and what a prior makes of sizes alone (a vector of ones) would be too.

    Parameters
    ----------
    device
        On the CPU nothing changes.
    """
    device = torch.device(device)
    if device.type == "cpu":
        yield
        return
    with device, _Moved(device), known_triangles():
        yield


class _Moved(AlwaysSeen):
    """Moves the distribution of every site, hidden ones too."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        msg["fn"] = moved(msg["fn"], self.device)


def moved(value: Any, device: torch.device) -> Any:
    """A distribution or transform with all of its tensors on ``device``; itself where they are."""
    if isinstance(value, Tensor):
        return value if value.device.type == device.type else value.to(device)
    if type(value) is list:
        items = [moved(item, device) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if not isinstance(value, (Distribution, Transform)):
        return value
    # A transform and the inverse it was asked for hold each other; a moved transform makes its inverse anew.
    held = isinstance(value, Transform) and not isinstance(value, _InverseTransform)
    left = {_INVERSE} if held else set()
    parts = {name: moved(part, device) for name, part in vars(value).items() if name not in left}
    if all(part is vars(value)[name] for name, part in parts.items()):
        return value
    result = copy(value)
    vars(result).update(parts | dict.fromkeys(left))
    return result
