"""Many small systems of equations at once: loops over one matrix's entries, each step for all of them.

A library takes one matrix after the other, and a microsecond or two for each; with thousands of matrices of a
few rows that is most of the work.
"""

import torch
from torch import Tensor


def factor_of(matrices: Tensor) -> Tensor:
    """Lower Cholesky factors of ``matrices [size, size, ...]``; NaN where there is none."""
    size = len(matrices)
    found = torch.zeros_like(matrices)
    for j in range(size):
        row = found[j, :j]
        left = matrices[j, j] - row.square().sum(0)
        root = torch.where(left > 0, left, torch.nan).sqrt()
        found[j, j] = root
        if j + 1 < size:
            below = matrices[j + 1 :, j] - (found[j + 1 :, :j] * row).sum(1)
            found[j + 1 :, j] = below / root
    return found


def forward_solved(factor: Tensor, right: Tensor) -> Tensor:
    """``L^-1 right`` for ``right [size, ...]``."""
    found = torch.empty_like(right)
    for i in range(len(right)):
        found[i] = (right[i] - (factor[i, :i] * found[:i]).sum(0)) / factor[i, i]
    return found


def backward_solved(factor: Tensor, right: Tensor) -> Tensor:
    """``L'^-1 right`` for ``right [size, ...]``."""
    found = torch.empty_like(right)
    for i in range(len(right) - 1, -1, -1):
        found[i] = (right[i] - (factor[i + 1 :, i] * found[i + 1 :]).sum(0)) / factor[i, i]
    return found
