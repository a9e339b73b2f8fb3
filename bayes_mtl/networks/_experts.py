"""Several networks of one kind."""

from collections.abc import Callable
from inspect import signature

from torch import nn

from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import check_sizes


def experts(factory: Callable[..., nn.Module], number: int, *, seed: int = 0) -> list[nn.Module]:
    """Networks of one kind with initial weights of their own.

    Parameters
    ----------
    factory
        Makes one: a class or a function, called with ``seed=`` where it takes such an argument and with
        nothing elsewhere. Any module with ``forward(x)`` from ``[rows, features]`` to ``[rows, width]`` will
        do (from ``[rows, steps, features]`` to ``[rows, steps, width]`` for sequences, looking back only).
    number
        How many.
    seed
        Of the first; the others follow.

    Examples
    --------
    >>> from functools import partial
    >>> from bayes_mtl.networks import GRU
    >>> len(experts(partial(GRU, 5, 16), 4))
    4
    """
    check_sizes(number=number)
    takes_seed = "seed" in signature(factory).parameters
    found = []
    for i in range(seed, seed + number):
        with seeded(i):
            found.append(factory(seed=i) if takes_seed else factory())
    return found
