"""Running a part of a Pyro program at posterior draws, all of them at once."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import pyro
from pyro import poutine
from torch import Tensor

from bayes_mtl._alone import alone
from bayes_mtl._hidden import hidden

Result = TypeVar("Result")


def at_draws(program: Callable[[], Result], draws: Mapping[str, Tensor]) -> Result:
    """Call ``program`` with its sites fixed to ``draws``.

    Parameters
    ----------
    program
        Any part of a Pyro program.
    draws
        ``[draws, tasks or 1, *event]`` each: the axis of the plate of tasks is kept as a 1 where a
        site does not vary by task, so that draws broadcast against each other.

    Returns
    -------
    What ``program`` returns, with an axis of draws left of the plate of tasks.
    """
    number = next(iter(draws.values())).shape[0]
    with alone(), hidden(), pyro.plate("draws", number, dim=-2), poutine.condition(data=dict(draws)):
        return program()
