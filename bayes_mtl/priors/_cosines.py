"""Cosines between the tasks' deviations from a centre."""

import torch
from torch import Tensor


def cosines(deviation: Tensor) -> Tensor:
    """``[draws, tasks, tasks]`` of ``deviation [draws, tasks, features, outputs]``; 1 on the diagonal.

    A task that does not deviate has no direction: it is unrelated to the others, but not to itself.
    """
    flat = deviation.flatten(-2)
    unit = flat / flat.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    itself = torch.eye(unit.shape[-2], dtype=torch.bool, device=unit.device)
    return (unit @ unit.mT).masked_fill(itself, 1.0)
