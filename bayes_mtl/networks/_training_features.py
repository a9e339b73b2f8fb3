"""What a network returns while it is trained, where it adds to the objective."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class TrainingFeatures:
    """Features of a batch, and what the network adds to the objective.

    Attributes
    ----------
    features
        ``[..., observations, out_features]``.
    terms
        Called with the log-likelihood of each observation, ``[..., observations]``; returns what is added to
        it, of the same shape or one that broadcasts to it. None where nothing is added. Observations' weights
        and the factor of a mini-batch act on these terms as on the log-likelihood. Score-function gradients
        use the log-likelihood, detached; a penalty of each observation does not.
    """

    features: Tensor
    terms: Callable[[Tensor], Tensor] | None = None
