"""Vectors of a triangle's entries, without a question to the device."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt
from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms


def tril_to_vec(matrix: Tensor, diag: int = 0) -> Tensor:
    """``[..., n, n]`` to ``[..., entries]``: those on and below a diagonal, row by row."""
    place = _places(matrix.shape[-1], diag, matrix.device)
    return matrix.flatten(-2).index_select(-1, place)


def vec_to_tril(vector: Tensor, diag: int = 0) -> Tensor:
    """The inverse of `tril_to_vec`, zero elsewhere."""
    # n (n + 1) / 2 entries with the diagonal, which moves by `diag`
    size = (isqrt(1 + 8 * vector.shape[-1]) - 1) // 2 - diag
    whole = vector.new_zeros(*vector.shape[:-1], size * size)
    return whole.index_copy(-1, _places(size, diag, vector.device), vector).unflatten(-1, (size, size))


def _places(size: int, diag: int, device: torch.device) -> Tensor:
    row, column = torch.tril_indices(size, size, diag, device=device)
    return row * size + column


@contextmanager
def known_triangles() -> Iterator[None]:
    """Let torch's transforms of correlation matrices use these functions inside.

    torch's own pick the entries by a mask: how many there are is known on the device only, which every step
    would have to wait for, and which no recorded step may ask.
    """
    module: Any = transforms
    own = module.tril_matrix_to_vec, module.vec_to_tril_matrix
    module.tril_matrix_to_vec, module.vec_to_tril_matrix = tril_to_vec, vec_to_tril
    try:
        yield
    finally:
        module.tril_matrix_to_vec, module.vec_to_tril_matrix = own
