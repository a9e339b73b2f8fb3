"""Groups of features that matter in all tasks or in none.

Model
-----
The weights of group ``i`` of the features share one precision ``gamma_i`` over all tasks, so that the
tasks decide together whether the group is needed:

``W[t, d] = (Z[d] diag(strength) v[t] + own_scale e[t, d]) / sqrt(gamma_i)``, ``Z, v, e ~ N(0, 1)``,
``gamma_i ~ GIG(order, chi, phi)``, density proportional to
``gamma^(order - 1) exp(-(chi / gamma + phi gamma) / 2)``.

The first part, of ``rank`` columns, is what tasks share: the covariance between tasks is
``V diag(strength^2) V' + own_scale^2 I`` times ``1 / gamma_i``. Columns that the data do not need lose their
strength, so ``rank`` is an upper bound. With ``rank=0`` tasks share only which groups live, and
``own_scale`` is 1: ``gamma`` carries the scale. The intercept is no member of any group.

When: many features or many groups of them, few of which matter, in much the same tasks; fewer rows than
features. When not: every feature matters a little (`Hierarchical`, `LowRank`); each task needs other
features.

Reference: Archambeau, Guo and Zoeter, Sparse Bayesian multi-task learning (NIPS 2011).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyro
import torch
from pyro.distributions import Distribution, HalfNormal, LogNormal, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_priors, check_spreads, check_whole, require_number
from bayes_mtl._shapes import Dims
from bayes_mtl.data import Statistics
from bayes_mtl.distributions import GeneralizedInverseGaussian
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._feature_groups import by_feature, group_rms, group_sizes
from bayes_mtl.priors._free_scale import FreeScale
from bayes_mtl.priors._group_hyper import GroupHyper
from bayes_mtl.priors._group_sparse_start import group_sparse_start
from bayes_mtl.priors._group_updates import GroupUpdates
from bayes_mtl.priors._intercepts import spread_of
from bayes_mtl.priors._moments import Moments

_LEARNED_RATE, _LEARNED_BOUND, _LEARNED_SCALE = LogNormal(3.0, 2.0), LogNormal(0.0, 2.0), LogNormal(-3.0, 3.0)
"""Wide hyperpriors on the standardised scale, by what chi or phi is in a member of the family."""


@dataclass(frozen=True)
class GroupSparse(AbstractGaussianTaskPrior):
    """Weights of groups of features, each with one precision for all tasks.

    The groups are those of the data (``TaskData.from_frame(groups=...)``); without any, each feature is one.

    Parameters
    ----------
    order, chi, phi
        Of the generalised inverse Gaussian prior of the groups' precisions (standardised scale): numbers,
        or hyperpriors, so that they are learned. ``chi`` bounds precisions from below, ``phi`` from above.
    order_by_size
        Added to the order once for each weight that a group has over all tasks.
    rank
        Most directions that tasks share; 0 for none.
    own_scale
        Prior of the spread of what tasks do not share, beside a shared part of spread 1 for each
        direction; ``rank`` above 0 only.
    strength
        Prior of each direction's spread.
    intercept
        Standard deviation of the tasks' intercepts, which no group holds (standardised scale): a number, or
        a prior, so that it is learned. Learn it where new tasks are to be predicted.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "precision": ("group",),
        "group_rms": ("group",),
        "strength": ("rank",),
        "shared": ("slope", "output", "rank"),
    }

    order: float | Distribution = 0.0
    chi: float | Distribution = 1e-4
    phi: float | Distribution = 1e-4
    order_by_size: float = 0.0
    rank: int = 0
    own_scale: Distribution = HalfNormal(1.0)
    strength: Distribution = HalfNormal(1.0)
    intercept: float | Distribution = 1.0

    def __post_init__(self) -> None:
        check_whole(self, "rank", 0, "Use 0 for tasks that share no more.")
        check_priors(self, "own_scale", positive=True, scalar=True)
        check_priors(self, "strength", positive=True)
        check_spreads(self, "intercept")
        if isinstance(self.order, Distribution):
            check_priors(self, "order", scalar=True)
        else:
            require_number(self, "order")
        limits = (("chi", 1, "above"), ("phi", -1, "below"))
        for name, sign, side in limits:
            wanted = f"a number above 0, or 0 with an order {side} 0"
            value = getattr(self, name)
            if isinstance(value, Distribution):
                check_priors(self, name, positive=True, scalar=True)
                continue
            require_number(self, name)
            limit = value == 0 and not isinstance(self.order, Distribution) and sign * self.order > 0
            if not (value > 0 or (limit and sign * self.order_by_size >= 0)):
                raise InputError(message(name, wanted, value, "chi = 0 needs order > 0, phi = 0 order < 0."))

    @classmethod
    def ard(cls, bound: float = 1e-4, rank: int = 0, intercept: float | Distribution = 1.0) -> "GroupSparse":
        """Automatic relevance determination: precisions log-uniform between ``bound`` and ``1 / bound``."""
        return cls(0.0, bound, bound, rank=rank, intercept=intercept)

    @classmethod
    def student_t(
        cls,
        degrees: float = 1.0,
        phi: float | Distribution = _LEARNED_SCALE,
        rank: int = 0,
        intercept: float | Distribution = 1.0,
    ) -> "GroupSparse":
        """Student-t weights (gamma precisions) with ``phi = degrees * scale^2``."""
        return cls(0.5 * degrees, 0.0, phi, rank=rank, intercept=intercept)

    @classmethod
    def laplace(
        cls, chi: float | Distribution = _LEARNED_RATE, rank: int = 0, intercept: float | Distribution = 1.0
    ) -> "GroupSparse":
        """Multivariate Laplace weights (exponential variances of mean ``2 / chi``)."""
        return cls(-1.0, chi, 0.0, rank=rank, intercept=intercept)

    @classmethod
    def group_lasso(
        cls, chi: float | Distribution = _LEARNED_RATE, rank: int = 0, intercept: float | Distribution = 1.0
    ) -> "GroupSparse":
        """Density ``exp(-sqrt(chi) |W_i|)`` of each group's weights: the group lasso's penalty."""
        return cls(-0.5, chi, 0.0, order_by_size=-0.5, rank=rank, intercept=intercept)

    @classmethod
    def variance_gamma(
        cls,
        order: float = -0.5,
        chi: float | Distribution = _LEARNED_BOUND,
        rank: int = 0,
        intercept: float | Distribution = 1.0,
    ) -> "GroupSparse":
        """Gamma variances of shape ``-order``: below 1/2 weights have a peak at zero that is infinite."""
        return cls(order, chi, 0.0, rank=rank, intercept=intercept)

    @classmethod
    def normal_inverse_gaussian(
        cls,
        chi: float | Distribution = _LEARNED_BOUND,
        phi: float | Distribution = _LEARNED_BOUND,
        rank: int = 0,
        intercept: float | Distribution = 1.0,
    ) -> "GroupSparse":
        """Inverse Gaussian variances: tails between those of Student-t and Laplace."""
        return cls(0.5, chi, phi, rank=rank, intercept=intercept)

    @classmethod
    def hyperbolic(
        cls,
        chi: float | Distribution = _LEARNED_RATE,
        phi: float | Distribution = _LEARNED_SCALE,
        rank: int = 0,
        intercept: float | Distribution = 1.0,
    ) -> "GroupSparse":
        """Density ``exp(-sqrt(chi (phi + |W_i|^2)))``: a group lasso that is smooth at zero."""
        return cls(-0.5, chi, phi, order_by_size=-0.5, rank=rank, intercept=intercept)

    def moments(self, dims: Dims) -> Moments:
        scale = self._precision(dims).rsqrt()
        intercept = spread_of(self.intercept, dims, scale)
        if self.rank == 0:
            spread = by_feature(scale, dims, intercept)
            return Moments(torch.zeros_like(spread), spread)
        own = pyro.sample("own_scale", self.own_scale).unsqueeze(-1)
        strength = pyro.sample("strength", self.strength.expand([self.rank]).to_event(1))
        shape = [dims.features - int(dims.intercept), dims.outputs, self.rank]
        shared = pyro.sample("shared", Normal(scale.new_zeros(()), 1.0).expand(shape).to_event(3))
        if dims.intercept:
            none = shared.new_zeros(*shared.shape[:-3], 1, *shared.shape[-2:])
            shared = torch.cat([none, shared], -3)
        factor = by_feature(scale, dims, intercept).unsqueeze(-1) * shared * strength[..., None, None, :]
        spread = by_feature(own * scale, dims, intercept)
        return Moments(torch.zeros_like(spread), spread, factor=factor)

    def _precision(self, dims: Dims) -> Tensor:
        order, chi, phi = (self._parameter(name).unsqueeze(-1) for name in ("order", "chi", "phi"))
        sizes = torch.tensor(group_sizes(dims), dtype=order.dtype, device=order.device)
        order = order + self.order_by_size * dims.all_tasks * dims.outputs * sizes
        prior = GeneralizedInverseGaussian(order, chi, phi)
        return pyro.sample("precision", prior.to_event(1))

    def _parameter(self, name: str) -> Tensor:
        value = getattr(self, name)
        return pyro.sample(name, value) if isinstance(value, Distribution) else torch.tensor(float(value))

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """Precisions of the estimated weights, and their leading directions."""
        return group_sparse_start(estimates.weights, dims, self.rank, self.intercept)

    def coordinate_updates(self, statistics: Statistics, dims: Dims) -> GroupUpdates:
        """Updates for `CoordinateAscent`, started at ridge estimates."""
        eye = torch.eye(dims.features, dtype=statistics.xx.dtype)
        factor = torch.linalg.cholesky(statistics.xx + eye)
        ridge = torch.cholesky_solve(statistics.xy.unsqueeze(-1), factor)
        given = {"order": self.order, "chi": self.chi, "phi": self.phi}
        sizes = torch.tensor(group_sizes(dims), dtype=torch.float64)
        own = torch.full((1,), float(dims.tasks * sizes.sum()), dtype=torch.float64)
        level: float | FreeScale
        if isinstance(self.intercept, Distribution):
            level = FreeScale(self.intercept, torch.full((1,), float(dims.tasks), dtype=torch.float64))
        else:
            level = self.intercept
        strength = torch.full((self.rank,), float(dims.tasks), dtype=torch.float64)
        return GroupUpdates(
            statistics,
            dims,
            GroupHyper(given, self.order_by_size * dims.tasks * sizes),
            FreeScale(self.own_scale, own) if self.rank else None,
            FreeScale(self.strength, strength),
            level,
            group_sparse_start(ridge, dims, self.rank, self.intercept),
        )

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Root mean square weight of each group over tasks."""
        return {"group_rms": group_rms(draws["weights"], dims)}
