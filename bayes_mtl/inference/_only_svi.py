"""Priors that are no fixed joint distribution: what does not fit them."""

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.priors import AbstractTaskPrior


def require_fixed_joint(prior: AbstractTaskPrior, what: str) -> None:
    """Refuse a prior that only `SVI` with the prior's own guide fits.

    Raises
    ------
    UnsupportedError
        With the prior's reason.
    """
    if prior.only_svi:
        raise UnsupportedError(
            f"{what} does not fit {type(prior).__name__}: {prior.only_svi}. Use SVI() with its own guide, or "
            "another prior."
        )
