"""As few rows of each task as say the same as all of its own."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import Statistics

_SMALLEST = 10.0
"""Times machine precision and size: eigenvalues below are rounding."""


@dataclass(frozen=True, eq=False)
class ReducedRows:
    """Rows with the products of all of a task's rows, at most as many as it has, or as there are weights.

    Attributes
    ----------
    design, response
        ``[tasks, rows, weights]`` and ``[tasks, rows]``, zeros where a task needs fewer rows than others.
    left
        Squares of the responses that no weights explain, ``[tasks]``.
    n, log_precision
        As in `Statistics`.
    """

    design: Tensor
    response: Tensor
    left: Tensor
    n: Tensor
    log_precision: Tensor

    @classmethod
    def of(cls, sums: Statistics) -> "ReducedRows":
        """From the eigenvectors of the products, each column first divided by its length."""
        length = sums.xx.diagonal(dim1=-2, dim2=-1).sqrt()
        unit = torch.where(length > 0, 1.0 / length, 0.0)
        values, vectors = torch.linalg.eigh(unit.unsqueeze(-1) * sums.xx * unit.unsqueeze(-2))
        least = _SMALLEST * torch.finfo(values.dtype).eps * values.shape[-1]
        keep = values > least * values[..., -1:].clamp_min(least)
        number = max(1, int(keep.sum(-1).max()))
        values, vectors, keep = values[..., -number:], vectors[..., -number:], keep[..., -number:]
        root = torch.where(keep, values, 0.0).sqrt()
        turned = (vectors.mT @ (unit * sums.xy).unsqueeze(-1)).squeeze(-1)
        response = torch.where(keep, turned / torch.where(keep, root, 1.0), 0.0)
        design = root.unsqueeze(-1) * vectors.mT * length.unsqueeze(-2)
        left = (sums.yy - response.square().sum(-1)).clamp_min(0.0)
        return cls(design, response, left, sums.n, sums.log_precision)
