"""Parts of a model that are no fixed joint distribution: what does not fit them."""

from torch import nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.priors import AbstractTaskPrior


def require_fixed_joint(prior: AbstractTaskPrior, network: nn.Module | None, what: str) -> None:
    """Refuse a prior or a network that only `SVI` with its own guide fits.

    Raises
    ------
    UnsupportedError
        With the reason of that part.
    """
    for part, kind in ((prior, "prior"), (network, "network")):
        reason = part.only_svi if isinstance(part, (AbstractTaskPrior, AbstractStochasticNetwork)) else ""
        if reason:
            raise UnsupportedError(
                f"{what} does not fit {type(part).__name__}: {reason}. Use SVI() with its own guide, or "
                f"another {kind}."
            )
