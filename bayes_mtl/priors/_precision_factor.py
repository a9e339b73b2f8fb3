"""Generalised inverse Gaussian factors of a variational posterior: their expectations."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayes_mtl.distributions import GeneralizedInverseGaussian
from bayes_mtl.distributions._gig_integral import gig_mean_log, log_gig_integral


@dataclass(frozen=True, eq=False)
class PrecisionFactor:
    """``GIG(order, chi, phi)`` for each group, ``[groups]`` float64 (Archambeau et al. 2011, appendix)."""

    order: Tensor
    chi: Tensor
    phi: Tensor

    @cached_property
    def _integrals(self) -> Tensor:
        """Log integrals of the order below, of this and of the next, ``[3, groups]``: one evaluation."""
        orders = torch.stack([self.order - 1, self.order, self.order + 1])
        return log_gig_integral(orders, self.chi, self.phi)

    @property
    def mean(self) -> Tensor:
        """Expected precision."""
        return (self._integrals[2] - self._integrals[1]).exp()

    @property
    def inverse(self) -> Tensor:
        """Expected inverse of the precision; 1 where chi is 0, which nothing multiplies."""
        return torch.where(self.chi > 0, (self._integrals[0] - self._integrals[1]).exp(), 1.0)

    @cached_property
    def log(self) -> Tensor:
        """Expected logarithm of the precision."""
        return gig_mean_log(self.order, self.chi, self.phi)

    def expected(self, factor: "PrecisionFactor") -> Tensor:
        """Expected log density of this distribution under ``factor``, ``[groups]``."""
        moments = 0.5 * (self.chi * factor.inverse + self.phi * factor.mean)
        return (self.order - 1) * factor.log - moments - self._integrals[1]

    def draw(self, number: int) -> Tensor:
        """``[number, groups]``."""
        distribution = GeneralizedInverseGaussian(self.order, self.chi, self.phi, validate_args=False)
        return distribution.sample(torch.Size([number]))
