"""A distribution of which some observations are known only from below."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import Distribution, TorchDistribution
from torch import Tensor

_ONE = torch.Size()


class RightCensored(TorchDistribution):
    """``log p(y)`` where the target was seen, ``log P(Y > y)`` where it was censored at ``y``.

    Draws and moments are those of the target itself, not of what censoring leaves of it.

    Parameters
    ----------
    base
        Distribution of the target, without event axes.
    log_survival
        ``log P(Y > y)`` under ``base``, with the same shapes as ``base.log_prob``. It must be finite
        on targets that were seen too: both are evaluated everywhere.
    censored
        Boolean, broadcasting against the base's batch shape.

    References
    ----------
    Kalbfleisch and Prentice, The statistical analysis of failure time data (2002), section 3.2.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(
        self, base: Distribution, log_survival: Callable[[Tensor], Tensor], censored: Tensor
    ) -> None:
        self.base, self.log_survival, self.censored = base, log_survival, censored
        shape = torch.broadcast_shapes(base.batch_shape, censored.shape)
        super().__init__(shape, validate_args=False)

    @property
    def support(self) -> Any:
        return self.base.support

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "RightCensored":
        return RightCensored(self.base.expand(batch_shape), self.log_survival, self.censored)

    @property
    def mean(self) -> Tensor:
        return self.base.mean.expand(self.batch_shape)

    @property
    def variance(self) -> Tensor:
        return self.base.variance.expand(self.batch_shape)

    def sample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        return self.base.expand(self.batch_shape).sample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.where(self.censored, self.log_survival(value), self.base.log_prob(value))
