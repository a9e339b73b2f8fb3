"""Groups of features that are either left alone or shrunk to nothing.

Model
-----
The regularised horseshoe for groups: the weights of group ``i`` in all tasks are
``W[t, d] ~ N(0, s_i^2)``, ``s_i^2 = c^2 u_i^2 / (c^2 + u_i^2)``, ``u_i = overall * local_i``, with
``overall ~ HalfCauchy(0.1)``, ``local_i ~ HalfCauchy(1)``. Small groups feel the horseshoe, which has an
infinite peak at zero; large ones a Gaussian of standard deviation ``c``, the slab, instead of Cauchy tails.
The intercept is no member of any group.

When: few groups matter and those may matter much; a prior whose one setting is how many groups are expected.
When not: directions shared between tasks, or a prior of another shape at zero (`GroupSparse`).

Reference: Piironen and Vehtari, Sparsity information and regularization in the horseshoe and other
shrinkage priors (Electronic Journal of Statistics 2017).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pyro
import torch
from pyro.distributions import Distribution, HalfCauchy, InverseGamma
from torch import Tensor

from bayes_mtl._settings import check_priors, check_spreads
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._feature_groups import by_feature, group_rms, group_sizes
from bayes_mtl.priors._group_sparse_start import group_sparse_start
from bayes_mtl.priors._intercepts import SITE, spread_of
from bayes_mtl.priors._moments import Moments


@dataclass(frozen=True)
class Horseshoe(AbstractGaussianTaskPrior):
    """Regularised horseshoe over groups of features, one scale for all tasks.

    The groups are those of the data (``TaskData.from_frame(groups=...)``); without any, each feature is one.

    Parameters
    ----------
    overall
        Prior of the scale that all groups share. With ``g`` of ``G`` groups expected to matter and ``n``
        rows, Piironen and Vehtari recommend ``HalfCauchy(g / (G - g) / sqrt(n))`` (standardised targets).
    slab
        Prior of the slab's variance ``c^2`` (standardised scale).
    intercept
        Standard deviation of the tasks' intercepts, which no group holds (standardised scale): a number, or
        a prior, so that it is learned. Learn it where new tasks are to be predicted.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"local": ("group",), "group_rms": ("group",)}

    overall: Distribution = HalfCauchy(0.1)
    # made when needed: its transform asks torch to broadcast shapes, which imports all of sympy
    slab: Distribution = field(default_factory=lambda: InverseGamma(2.0, 2.0))
    intercept: float | Distribution = 1.0

    def __post_init__(self) -> None:
        check_priors(self, "overall", "slab", positive=True, scalar=True)
        check_spreads(self, "intercept")

    def moments(self, dims: Dims) -> Moments:
        overall = pyro.sample("overall", self.overall).unsqueeze(-1)
        slab = pyro.sample("slab", self.slab).unsqueeze(-1)
        one = torch.ones((), dtype=overall.dtype, device=overall.device)
        local = pyro.sample("local", HalfCauchy(one).expand([len(group_sizes(dims))]).to_event(1))
        # 1 / s^2 = 1 / u^2 + 1 / c^2
        scale = ((overall * local).square().reciprocal() + slab.reciprocal()).rsqrt()
        spread = by_feature(scale, dims, spread_of(self.intercept, dims, scale))
        return Moments(torch.zeros_like(spread), spread)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """Scales of the estimated weights."""
        found = group_sparse_start(estimates.weights, dims, 0, self.intercept)
        start = torch.tensor(0.1)
        learned = {SITE: found[SITE]} if SITE in found else {}
        return {
            "overall": start,
            "local": found["precision"].rsqrt() / start,
            "weights_noise": found["weights_noise"],
            **learned,
        }

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Root mean square weight of each group over tasks."""
        return {"group_rms": group_rms(draws["weights"], dims)}
