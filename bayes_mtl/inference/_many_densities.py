"""The log-density at many points, as many at once as the cache holds."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bayes_mtl.data import Batch
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._laplace_program import LaplaceProgram
from bayes_mtl.inference._marginal_program import MarginalProgram
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._singular import SINGULAR

_IN_CACHE = 200_000
"""Numbers that are worked on together."""


def log_densities(potential: Potential, points: Tensor) -> Tensor:
    """``[points]``; minus infinity where a matrix is singular, or the density no number."""
    together = in_cache(_numbers(potential))
    with NotANumber(), torch.no_grad():
        found = torch.cat([_of_part(potential, part) for part in points.split(together)])
    return found.nan_to_num(nan=-math.inf, neginf=-math.inf)


def in_cache(numbers: int) -> int:
    """How many points that work on so many numbers each are worked on together."""
    return max(1, _IN_CACHE // numbers)


def _of_part(potential: Potential, points: Tensor) -> Tensor:
    try:
        return potential.log_density(points)
    except SINGULAR:  # of one point at least: look for it by halves
        if len(points) == 1:
            return points.new_full((1,), -math.inf)
        return torch.cat([_of_part(potential, half) for half in points.tensor_split(2)])


def _numbers(potential: Potential) -> int:
    """Numbers that one point works on."""
    if isinstance(potential.program, (CollapsedProgram, MarginalProgram, LaplaceProgram)):
        return potential.program.numbers
    return max([1, *(batch.x.numel() for batch in potential.arguments if isinstance(batch, Batch))])


class NotANumber(TorchFunctionMode):
    """A factor of a singular matrix is not a number, and no error: other points go on beside it."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.linalg.cholesky:
            return func(*args, **(kwargs or {}))
        factor, failed = torch.linalg.cholesky_ex(*args, **(kwargs or {}))
        return torch.where(failed[..., None, None] > 0, math.nan, factor)
