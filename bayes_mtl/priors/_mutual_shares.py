"""Shares that tasks have in each other's prior, as one number a pair."""

import torch
from torch import Tensor


def mutual_shares(shares: Tensor) -> Tensor:
    """Share of one task in the other's prior, averaged over both directions; 1 on the diagonal.

    Parameters
    ----------
    shares
        ``[..., tasks, tasks]``, of each task (column) in the prior of each (row).
    """
    itself = torch.eye(shares.shape[-1], dtype=torch.bool, device=shares.device)
    return (0.5 * (shares + shares.mT)).masked_fill(itself, 1.0)
