"""What a network may read of each task: sums over its rows."""

import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.inference._frozen_design import is_trained
from bayes_mtl.inference._population import ridge
from bayes_mtl.inference._start import response_sums
from bayes_mtl.model import Program

_ALL_PRODUCTS = 12
"""Weights up to which the products of all pairs of features are read; beyond, of each with itself."""


def task_summaries(program: Program, data: TaskData) -> Tensor:
    """``[tasks, numbers]``, each with mean 0 and standard deviation 1 over the tasks.

    The root and the logarithm of the number of rows, products of features with each other and with the
    response of every output as means, and ridge estimates of the weights.

    Raises
    ------
    UnsupportedError
        Where the features are still to be learned, or tasks of several kinds have sums of different things.
    """
    sums = None if is_trained(program) or len(program.kinds) > 1 else response_sums(program, data)
    if sums is None:
        raise UnsupportedError(
            "AutoAmortised reads sums over the rows of each task, which need tasks of one kind, and features "
            "that are fixed and not too many. Leave the guide out."
        )
    size = len(program.features)
    number = sums[0].n.unsqueeze(-1)
    each = number.clamp_min(1.0)
    xx = sums[0].xx[:, :size, :size] / each.unsqueeze(-1)
    row, column = (
        torch.tril_indices(size, size) if size <= _ALL_PRODUCTS else torch.arange(size).expand(2, -1)
    )
    parts = [
        number.sqrt(),
        number.log1p(),
        xx[:, row, column],
        *(one.xy[:, :size] / each for one in sums),
        ridge(sums, size).flatten(1),
    ]
    found = torch.cat(parts, -1)
    spread = found.std(0, correction=0)
    # A column that is the same for all tasks, an intercept's products say, is left at 0.
    return torch.where(spread > 1e-8, (found - found.mean(0)) / spread.clamp_min(1e-8), 0.0).float()
