"""What tasks' weights multiply where a frozen network makes it."""

from collections.abc import Callable

import numpy as np
import torch

from bayes_mtl._hidden import hidden
from bayes_mtl.data import TaskData
from bayes_mtl.model import Program
from bayes_mtl.networks import Frozen


def is_trained(program: Program) -> bool:
    """Whether the program has a network that is not frozen."""
    return program.network is not None and not isinstance(program.network, Frozen)


def frozen_design(program: Program, data: TaskData) -> Callable[[slice], np.ndarray] | None:
    """From a slice of the observations to ``[observations, weights]``, as `gram` takes it.

    None without a network. Fixed features come behind the others.
    """
    if program.network is None:
        return None

    def design(part: slice) -> np.ndarray:
        batch = program.batch(data.subset(np.arange(len(data))[part]))
        with torch.no_grad(), hidden():
            features = program.design(batch).double()
        fixed = program.fixed_rows(batch)
        return (features if fixed is None else torch.cat([features, fixed.double()], -1)).numpy()

    return design
