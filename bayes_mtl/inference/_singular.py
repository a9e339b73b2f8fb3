"""Singular matrices: what torch raises for them, and what that means in a fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bayes_mtl._errors import NumericalError

SINGULAR: type[Exception] = vars(torch.linalg)["LinAlgError"]
"""torch's error, which its type hints do not know."""


@contextmanager
def singular_explained() -> Iterator[None]:
    """An error that a user can act on, in place of torch's.

    Raises
    ------
    NumericalError
        Where a matrix inside of the block is singular.
    """
    try:
        yield
    except SINGULAR as error:
        raise NumericalError(
            "A matrix of the fit is singular. Either the noise goes to 0, as with targets that the features "
            "explain to the last digit (a constant, a sum of them): look at the targets, or state the noise "
            "(Gaussian(noise='known') with TaskData's noise). Or features are far from the unit scale or the "
            "same up to rounding: leave standardize=True, and drop those that others determine."
        ) from error
