"""Weight decay that Adam does not rescale."""

from typing import Any

import torch

DECAY = "decay"
"""Key of a group of parameters; torch's own ``weight_decay`` of Adam is another method."""


def decay_weights(optimiser: torch.optim.Optimizer, *_: Any) -> None:
    """Shrink what is about to be stepped by ``1 - rate * decay`` (Loshchilov and Hutter, 2019, algorithm 2).

    A hook of the optimiser. Groups without the key, and parameters without a gradient, stay as they are.
    """
    with torch.no_grad():
        for group in optimiser.param_groups:
            if group.get(DECAY):
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.mul_(1.0 - group["lr"] * group[DECAY])
