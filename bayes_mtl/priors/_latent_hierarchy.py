"""Tasks that are the leaves of a tree: similar the more, the later their lineages part.

Model
-----
A tree over the tasks, ``pi ~ Kingman``. The root has the weights ``m``; along a branch of duration ``d``
they change by ``N(0, d L)``, ``L = diag(s) R diag(s)``; the leaves are the tasks' weights. With the inner
nodes integrated out ``vec(W) ~ N(1 (x) m, C (x) L)``, ``C[k, l] = t_root - t_lca(k, l)``: no inner node is
ever sampled. The tree is inferred (`Trees`), or given (then any inference for Gaussian priors).

When: tasks in groups of groups, and the question *which tasks are related, and how closely*; a hierarchy
that is known (regions, species, product lines) and given as a tree.
When not: tasks are exchangeable (`Hierarchical` fits as well and is quicker); distinct kinds without any
order among them (`TaskClustering`).

Reference: Daumé III, Bayesian multitask learning with latent hierarchies (UAI 2009), domain adaptation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyro
import torch
from pyro.distributions import Delta, Distribution, HalfNormal, LKJCholesky, Normal, Uniform
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_positive, check_priors, check_whole
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import KingmanTree, lca_times, tree_kernel
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._attachment import Attachment, extended_trees
from bayes_mtl.priors._diffusion import Diffusion
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._given_tree import as_setting, bound
from bayes_mtl.priors._moments import Moments

if TYPE_CHECKING:
    from bayes_mtl.data import TaskData

_MOST_DERIVED = 200
"""Tasks up to which the times of all pairs are kept for each draw."""


@dataclass(frozen=True)
class LatentHierarchy(AbstractGaussianTaskPrior):
    """Weights that diffused down a tree over the tasks.

    Parameters
    ----------
    tree
        None: unknown, inferred by `Trees`. Or a tree of your own: text in Newick's format with the tasks'
        names (leaves that are no tasks are left out), a linkage matrix of scipy, or rows
        ``(child, child, time)``, ``[tasks - 1, 3]``, whose leaves 0, 1, ... are the tasks in the order of
        the data. Its times are scaled to the depth that the coalescent expects, ``2 (1 - 1 / tasks)``.
    mean
        Prior of the root's weights, for each feature and output (standardised scale).
    scale
        Prior of the standard deviation by which a weight changes over one unit of time; a task is about
        ``1.4 * scale`` away from the root.
    covariance
        Of the changes: ``"full"``, ``"diagonal"``, or ``"low_rank"`` (the correlation is that of ``rank``
        common factors and noise).
    rank
        Number of factors, ``"low_rank"`` only.
    concentration
        Of the LKJ prior on the correlation, ``"full"`` only: 1 is uniform, more pulls towards none.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "tree": ("merger", "child_child_time"),
        "loading": ("feature", "factor"),
        "lca_time": ("task", "task_bis"),
        "attachment": ("task", "time_lineage"),
    }
    related_by: ClassVar[str] = "share of the tree's depth that two tasks have in common"

    tree: str | Tensor | np.ndarray | None = None
    mean: Distribution = Normal(0.0, 1.0)
    scale: Distribution = HalfNormal(1.0)
    covariance: Literal["full", "diagonal", "low_rank"] = "full"
    rank: int = 2
    concentration: float = 1.0

    def __post_init__(self) -> None:
        kinds = ("full", "diagonal", "low_rank")
        if self.covariance not in kinds:
            raise InputError(message("covariance", f"one of {kinds}", repr(self.covariance), "Choose one."))
        check_whole(self, "rank", 1, "Use covariance='diagonal' for none.")
        check_priors(self, "mean")
        check_priors(self, "scale", positive=True)
        check_positive(self, "concentration")
        object.__setattr__(self, "tree", as_setting(self.tree))

    def bind(self, data: "TaskData") -> "LatentHierarchy":
        """The same prior with its tree, where one was given, over the tasks of the data."""
        if self.tree is None or isinstance(self.tree, np.ndarray):
            return self
        return replace(self, tree=bound(self.tree, data.schema.tasks))

    def diffusion(self, dims: Dims) -> Diffusion:
        """Sample the hyperparameters, and the tree unless it is given."""
        mean = pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        scale = pyro.sample("scale", self.scale.expand(dims.weights).to_event(2))
        correlation = None
        if self.covariance == "full" and dims.features > 1:
            correlation = pyro.sample("correlation", LKJCholesky(dims.features, self.concentration))
        elif self.covariance == "low_rank" and dims.features > 1:
            standard = Normal(mean.new_zeros(()), 1.0)
            loading = pyro.sample("loading", standard.expand([dims.features, self.rank]).to_event(2))
            correlation = _of_factors(loading)
        return Diffusion(mean, scale, correlation, self._tree(dims).to(mean), 0.0)

    def moments(self, dims: Dims) -> Moments:
        moments = self.diffusion(dims).moments()
        if moments.tasks is None or not dims.positions or self.tree is None:
            return moments
        # Tasks of one kind among others: their part of the kernel.
        at = torch.as_tensor(dims.positions, device=moments.mean.device)
        factor = moments.tasks.double()[..., at, :]
        part = torch.linalg.cholesky(factor @ factor.mT)
        return replace(moments, tasks=part.to(moments.tasks.dtype))

    def _tree(self, dims: Dims) -> Tensor:
        if self.tree is None:
            if dims.tasks < 2:
                raise InputError(
                    message(
                        "LatentHierarchy", "at least 2 tasks", dims.tasks, "Use Hierarchical for one task."
                    )
                )
            return pyro.sample("tree", KingmanTree(dims.tasks))
        if not isinstance(self.tree, Tensor):
            raise InputError(
                message(
                    "tree", "a tree over the tasks of the data", "text", "Call bind(data) on the prior first."
                )
            )
        return self.tree

    def new_moments(self, dims: Dims) -> Moments:
        """Moments of new tasks: each joins the tree where the coalescent has it join.

        Their weights are Gaussian given those of the fitted tasks. What several new tasks have in common
        with each other but not with the fitted ones is left out.
        """
        diffusion = self.diffusion(replace(dims, tasks=max(2, dims.tasks)))
        tree = _without_plate(diffusion.tree, 2)
        fitted = _without_plate(_fitted_weights(diffusion), 3).double()
        low, high = tree.new_zeros(2), tree.new_ones(2)
        with dims.plate():
            uniform = pyro.sample("attachment", Uniform(low, high).to_event(1))
        shared, own = Attachment(tree, uniform).kernel()
        factor = torch.linalg.cholesky(tree_kernel(tree.double(), 0.0))
        share = torch.cholesky_solve(shared.mT, factor).mT
        away = torch.einsum("...nt,...tdc->...ndc", share, fitted - diffusion.mean.double())
        left = (own - (share * shared).sum(-1)).clamp_min(0.0).sqrt()
        dtype = diffusion.mean.dtype
        scale = diffusion.scale * left.to(dtype)[..., None, None]
        return Moments(diffusion.mean + away.to(dtype), scale, diffusion.correlation)

    def with_new_task(
        self, draws: Mapping[str, Tensor], new: Mapping[str, Tensor]
    ) -> tuple["LatentHierarchy", dict[str, Tensor]]:
        """The trees with the new task as their last leaf: from now on they differ by draw."""
        uniform = new["attachment"]
        if isinstance(self.tree, Tensor):
            trees = self.tree.expand(len(uniform), *self.tree.shape)
        else:
            trees = draws["tree"].squeeze(1)
        return replace(self, tree=None), {**draws, "tree": extended_trees(trees, uniform).unsqueeze(1)}

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The population that expectation-maximisation found, for the expected depth of the tree."""
        values = {"mean": estimates.mean, "scale": estimates.scale() / 2.0**0.5}
        if self.covariance == "full":
            values["correlation"] = estimates.correlation()
        return values

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        """Share of the way from the root that two tasks went together, ``[draws, tasks, tasks]``."""
        share = 1.0 - self._lca(draws, dims) / self._trees(draws)[..., -1:, 2:]
        return share.expand(len(draws["weights"]), -1, -1)

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Time of the last common ancestor of each pair of tasks (up to 200), and of all."""
        if "tree" not in draws:
            return {}
        depth = {"depth": draws["tree"][..., -1, 2]}
        return depth if dims.tasks > _MOST_DERIVED else {"lca_time": self._lca(draws, dims), **depth}

    def _trees(self, draws: Mapping[str, Tensor]) -> Tensor:
        if isinstance(self.tree, Tensor):
            return self.tree.unsqueeze(0)
        return draws["tree"].squeeze(1)

    def _lca(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        lca = lca_times(self._trees(draws))
        if dims.positions and self.tree is not None:
            at = torch.as_tensor(dims.positions, device=lca.device)
            lca = lca[:, at][:, :, at]
        return lca


def _fitted_weights(diffusion: Diffusion) -> Tensor:
    """Weights of the fitted tasks: a site which posterior draws fix, and else a draw of the prior."""
    moments, standard = diffusion.moments(), Normal(diffusion.mean.new_zeros(()), 1.0)
    shape = [diffusion.tree.shape[-2] + 1, *diffusion.mean.shape[-2:]]
    noise = pyro.sample("fitted_noise", standard.expand(shape).to_event(3))
    plated = noise.dim() > 3
    weights = moments.mean + moments.spread(_without_plate(noise, 3))
    return pyro.sample("fitted_weights", Delta(weights.unsqueeze(-4) if plated else weights, event_dim=3))


def _without_plate(value: Tensor, event_dim: int) -> Tensor:
    """Take out the 1 that stands in place of the tasks."""
    return value.squeeze(-1 - event_dim) if value.dim() > event_dim else value


def _of_factors(loading: Tensor) -> Tensor:
    """Cholesky factor of the correlation of ``loading @ factors + noise``."""
    covariance = loading @ loading.mT + torch.eye(loading.shape[-2], dtype=loading.dtype).to(loading.device)
    spread = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    return torch.linalg.cholesky(covariance) / spread.unsqueeze(-1)
