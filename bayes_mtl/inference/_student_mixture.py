"""Mixtures of multivariate Student-t distributions: proposals that follow weighted points."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.inference._singular import SINGULAR

_VANISHED = 0.01
"""Share below which a component is left out."""
_RIDGE, _LEAST = 1e-9, 1e-14
"""Added to the diagonal of scale matrices: a share of each entry, and a number for entries of zero."""
_ROUNDS_OF_EM = 3
_BROAD, _BROAD_SHARE = 4.0, 0.2
"""Scale matrix of the broad component beside the covariance of all points, and its share."""


@dataclass(frozen=True, eq=False)
class StudentMixture:
    """Components that share their degrees of freedom.

    Attributes
    ----------
    shares
        ``[components]``, which sum to 1.
    means
        ``[components, size]``.
    factors
        ``[components, size, size]``: lower Cholesky factors of the scale matrices.
    freedom
        Degrees of freedom.
    """

    shares: Tensor
    means: Tensor
    factors: Tensor
    freedom: float

    def draw(self, number: int) -> Tensor:
        """``[number, size]``."""
        chosen = torch.multinomial(self.shares, number, replacement=True)
        normal = torch.randn(number, self.means.shape[-1], dtype=self.means.dtype)
        chi = torch.distributions.Chi2(torch.tensor(self.freedom, dtype=normal.dtype)).sample([number])
        white = normal * (self.freedom / chi).sqrt().unsqueeze(-1)
        # Component by component: a factor for each point would be the larger part of the memory.
        found = torch.empty_like(white)
        for k, factor in enumerate(self.factors):
            own = chosen == k
            found[own] = self.means[k] + white[own] @ factor.mT
        return found

    def log_density(self, points: Tensor) -> Tensor:
        """``[points]``, normalised."""
        return self._by_component(points)[0].logsumexp(0)

    def fitted(self, points: Tensor, weights: Tensor) -> "StudentMixture":
        """Moved towards weighted points by a few steps of EM, and a broad component beside it.

        Cappé, Douc, Guillin, Marin and Robert, Adaptive importance sampling in general mixture classes
        (Statistics and Computing 2008), section 4; the broad one bounds the weights where nothing was found
        yet (Hesterberg, Weighted average importance sampling and defensive mixture distributions,
        Technometrics 1995).
        """
        found = self
        mean = weights @ points
        centred = points - mean
        try:
            for _ in range(_ROUNDS_OF_EM):
                found = found._step(points, weights)
            broad = _factor(_BROAD * (weights.unsqueeze(-1) * centred).mT @ centred)
        except SINGULAR:  # a direction without spread: another round from here may find some
            return self
        one = torch.ones(1, dtype=points.dtype)
        return StudentMixture(
            torch.cat([found.shares * (1 - _BROAD_SHARE), _BROAD_SHARE * one]),
            torch.cat([found.means, mean.unsqueeze(0)]),
            torch.cat([found.factors, broad.unsqueeze(0)]),
            self.freedom,
        )

    def _by_component(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Log of share times density, and squared distances, ``[components, points]``."""
        size, nu = points.shape[-1], self.freedom
        centred = (points - self.means.unsqueeze(1)).mT
        squares = torch.linalg.solve_triangular(self.factors, centred, upper=False).square().sum(-2)
        constant = math.lgamma((nu + size) / 2) - math.lgamma(nu / 2) - size / 2 * math.log(nu * math.pi)
        constants = constant - self.factors.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.shares.log()
        return constants.unsqueeze(-1) - (nu + size) / 2 * (squares / nu).log1p(), squares

    def _step(self, points: Tensor, weights: Tensor) -> "StudentMixture":
        log, squares = self._by_component(points)
        size = points.shape[-1]
        belongs = (log - log.logsumexp(0)).exp() * weights
        shares = belongs.sum(-1)
        kept = shares > _VANISHED
        if not kept.any():  # no component reaches the points
            return self
        belongs, squares, shares = belongs[kept], squares[kept], shares[kept]
        # Far points count less, as a Student-t has them.
        near = belongs * (self.freedom + size) / (self.freedom + squares)
        means = (near @ points) / near.sum(-1, keepdim=True)
        roots = near.sqrt().unsqueeze(-1) * (points - means.unsqueeze(1))
        scales = roots.mT @ roots / shares[:, None, None]
        return StudentMixture(shares / shares.sum(), means, _factor(scales), self.freedom)


def _factor(scales: Tensor) -> Tensor:
    """Cholesky factors of scale matrices that few points may have made singular."""
    least = _RIDGE * scales.diagonal(dim1=-2, dim2=-1) + _LEAST
    return torch.linalg.cholesky(scales + torch.diag_embed(least))
