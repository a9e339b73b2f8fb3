"""Coordinate ascent for sparse groups of features (Archambeau, Guo and Zoeter, NIPS 2011).

Each task may have rows of its own, so the weights' factor is one Gaussian a task instead of one matrix
normal; the scales' factors are free instead of points. Loadings ``v ~ N(0, diag(strength^2))`` and
directions ``z_d ~ N(0, I / gamma)`` are those of `GroupSparse` up to their scales.
"""

import math

import torch
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Statistics
from bayes_mtl.priors._abstract_coordinate_updates import AbstractCoordinateUpdates
from bayes_mtl.priors._feature_groups import group_index, group_sizes
from bayes_mtl.priors._free_scale import FreeScale
from bayes_mtl.priors._group_hyper import GroupHyper
from bayes_mtl.priors._intercepts import SITE
from bayes_mtl.priors._precision_factor import PrecisionFactor


class GroupUpdates(AbstractCoordinateUpdates):
    """Factors ``q(W) q(Z) q(V) q(gamma) q(own_scale) q(strength)``.

    Parameters
    ----------
    statistics, dims
        Of the data; one output.
    hyper
        Hyperparameters of the precisions.
    own, strength
        Factors of the scales of what tasks have for themselves (None for a scale of 1) and of what they
        share.
    intercept
        Standard deviation of the intercepts, or its factor.
    start
        Starting values by site, as `group_sparse_start` gives them.
    """

    def __init__(
        self,
        statistics: Statistics,
        dims: Dims,
        hyper: GroupHyper,
        own: FreeScale | None,
        strength: FreeScale,
        intercept: float | FreeScale,
        start: dict[str, Tensor],
    ) -> None:
        self.sums, self.hyper, self.own, self.strength = statistics, hyper, own, strength
        self.first = int(dims.intercept)
        self.group = torch.tensor(group_index(dims), dtype=torch.long)
        self.sizes = torch.tensor(group_sizes(dims), dtype=torch.float64)
        self.tasks, self.rank = dims.tasks, len(strength.terms)
        self.level: Tensor | float = 1.0 if isinstance(intercept, FreeScale) else intercept**-2
        self.intercepts = intercept if isinstance(intercept, FreeScale) and self.first else None
        self.gamma = start["precision"].double()
        slopes = len(self.group)
        self.v = start.get("weights_activity", torch.zeros(self.tasks, 0)).double()
        self.z = start.get("shared", torch.zeros(slopes, 0)).double().reshape(slopes, self.rank)
        self.z = self.z * self.gamma[self.group].rsqrt().unsqueeze(-1)
        eye = torch.eye(self.rank, dtype=torch.float64)
        self.v_spread, self.z_spread = 0.1 * eye, 0.1 * eye

    @property
    def inverse(self) -> Tensor:
        """Expected inverse variance of what tasks have for themselves."""
        return torch.ones((), dtype=torch.float64) if self.own is None else self.own.precision[0]

    def update(self, precision: Tensor) -> None:
        self._weights(precision)
        if self.rank:
            self._shared()
        self._distance()
        slack = torch.zeros_like(self.sizes).index_add(
            0, self.group, self.inverse * self.away + self.z_squares
        )
        prior = self.hyper.prior()
        order = prior.order + 0.5 * (self.tasks + self.rank) * self.sizes
        self.factor = PrecisionFactor(order, prior.chi, prior.phi + slack)
        self.gamma = self.factor.mean
        if self.own is not None:
            self.own.update((self.gamma[self.group] * self.away).sum().reshape(1))
        self.hyper.update(self.factor)

    def _weights(self, precision: Tensor) -> None:
        gamma = self.gamma[self.group] * self.inverse
        diagonal = torch.cat([gamma.new_ones(self.first) * self.level, gamma])
        pulled = torch.cat([self.v.new_zeros(self.tasks, self.first), gamma * (self.v @ self.z.mT)], -1)
        system = torch.diag_embed(diagonal) + precision[:, None, None] * self.sums.xx
        self.root = torch.linalg.cholesky(system)
        self.covariance = torch.cholesky_inverse(self.root)
        center = pulled + precision.unsqueeze(-1) * self.sums.xy
        self.mean = (self.covariance @ center.unsqueeze(-1)).squeeze(-1)
        if self.intercepts is not None:
            self.intercepts.update(self._intercept_squares())
            self.level = self.intercepts.precision

    def _intercept_squares(self) -> Tensor:
        """Expected sum over tasks of the intercepts' squares, ``[1]``."""
        return (self.mean[:, 0].square() + self.covariance[:, 0, 0]).sum().reshape(1)

    def _shared(self) -> None:
        """Directions and loadings; the factors of `z_d` have covariance ``z_spread / gamma``."""
        slopes, gamma = self.mean[:, self.first :], self.gamma[self.group]
        eye = torch.eye(self.rank, dtype=torch.float64)
        self.z_spread = torch.linalg.inv(eye + self.inverse * self._loadings())
        self.z = self.inverse * slopes.mT @ self.v @ self.z_spread
        self.z_gamma = gamma
        square = (gamma.unsqueeze(-1) * self.z).mT @ self.z + len(gamma) * self.z_spread
        self.v_spread = torch.linalg.inv(torch.diag(self.strength.precision) + self.inverse * square)
        self.v = self.inverse * (slopes * gamma) @ self.z @ self.v_spread
        self.strength.update(self._loadings().diagonal())

    def _loadings(self) -> Tensor:
        """Expected ``V'V``."""
        return self.v.mT @ self.v + self.tasks * self.v_spread

    def _distance(self) -> None:
        """Expected squares of ``w_d - V z_d`` summed over tasks, and of ``z_d``, for each feature."""
        slopes = self.mean[:, self.first :]
        variance = self.covariance.diagonal(dim1=-2, dim2=-1)[:, self.first :]
        expected = self.v @ self.z.mT
        away = slopes.square() + variance - 2 * slopes * expected
        self.away, self.z_squares = away.sum(0), torch.zeros_like(away[0])
        if self.rank:
            second = self.z.unsqueeze(-1) * self.z.unsqueeze(-2) + self.z_spread / self.z_gamma[:, None, None]
            self.away = self.away + (second * self._loadings()).sum((-2, -1))
            self.z_squares = second.diagonal(dim1=-2, dim2=-1).sum(-1)

    def residual(self) -> Tensor:
        second = self.covariance + self.mean.unsqueeze(-1) * self.mean.unsqueeze(-2)
        return self.sums.yy - 2 * (self.mean * self.sums.xy).sum(-1) + (self.sums.xx * second).sum((-2, -1))

    def bound(self) -> Tensor:
        factor, prior = self.factor, self.hyper.prior()
        gamma, log = factor.mean[self.group], factor.log[self.group].sum()
        # weights: the logarithms of 2 pi of prior and entropy cancel here and below
        total = 0.5 * self.tasks * log - 0.5 * self.inverse * (gamma * self.away).sum()
        total = total + 0.5 * self.mean.numel() - self.root.diagonal(dim1=-2, dim2=-1).log().sum()
        if self.first:
            total = total - 0.5 * (self.level * self._intercept_squares()).sum()
            total = total + self._bound_of_intercepts()
        if self.own is not None:
            total = total + self.own.bound.sum() - (self.own.terms * self.own.log).sum()
        if self.rank:
            total = total + self._bound_of_shared(gamma, log)
        total = total + (prior.expected(factor) - factor.expected(factor)).sum()
        return total + self.hyper.bound()

    def _bound_of_intercepts(self) -> Tensor | float:
        if self.intercepts is None:
            return 0.5 * self.tasks * math.log(self.level)
        return (self.intercepts.bound - self.tasks * self.intercepts.log).sum()

    def _bound_of_shared(self, gamma: Tensor, log: Tensor) -> Tensor:
        slopes, tasks, rank = len(self.group), self.tasks, self.rank
        total = 0.5 * rank * log - 0.5 * (gamma * self.z_squares).sum() + 0.5 * rank * slopes
        total = total + 0.5 * slopes * torch.linalg.slogdet(self.z_spread)[1]
        total = total - 0.5 * rank * self.z_gamma.log().sum()
        strength = self.strength
        total = (
            total
            - tasks * strength.log.sum()
            - 0.5 * (strength.precision * self._loadings().diagonal()).sum()
        )
        total = total + 0.5 * tasks * (rank + torch.linalg.slogdet(self.v_spread)[1])
        return total + strength.bound.sum()

    def draw(self, number: int) -> dict[str, Tensor]:
        identity = torch.eye(self.root.shape[-1], dtype=self.root.dtype)
        spread = torch.linalg.solve_triangular(self.root.mT, identity, upper=True)
        noise = torch.randn(number, *self.mean.shape, 1, dtype=self.mean.dtype)
        weights = self.mean + (spread @ noise).squeeze(-1)
        precision = self.factor.draw(number)
        draws = {"weights": weights.unsqueeze(-1), "precision": precision.unsqueeze(1)}
        draws |= {name: self.hyper.values()[name].expand(number, 1) for name in self.hyper.learned}
        if self.rank:
            noise = torch.randn(number, *self.z.shape, dtype=self.z.dtype)
            noise = noise @ torch.linalg.cholesky(self.z_spread).mT
            z = self.z + noise * self.z_gamma.rsqrt().unsqueeze(-1)
            # on the scale on which the prior samples it
            shared = z * precision[:, self.group].sqrt().unsqueeze(-1)
            draws["shared"] = shared[:, None, :, None, :]
            draws["strength"] = self.strength.draw(number).unsqueeze(1)
        if self.intercepts is not None:
            draws[SITE] = self.intercepts.draw(number)
        if self.own is not None:
            draws["own_scale"] = self.own.draw(number)
        return draws
