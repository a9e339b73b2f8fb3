"""Tasks whose weights have scales that diffused down a tree.

Model
-----
The tasks share a correlation ``R`` of the weights, and how large the weights are is inherited: the log
standard deviations start at the root's and change by ``N(0, d v^2)`` along a branch of duration ``d`` of a
tree over the tasks. With the inner nodes integrated out the tasks' log standard deviations ``s[t]`` are
jointly Gaussian with the tree's kernel, and ``W[t] ~ N(m, diag(e^s[t]) R diag(e^s[t]))``.

When: tasks agree on which weights matter, more so the closer they are related, and not on their values; a
hierarchy of the tasks that is known, or that `LatentHierarchy` found.
When not: related tasks have similar weights (`LatentHierarchy`, which is the first to try).

Reference: Daumé III, Bayesian multitask learning with latent hierarchies (UAI 2009), multitask learning. The
paper's ``e^S R e^S`` is a product of matrices with ``S`` diagonal, and its mean is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyro
import torch
from pyro.distributions import Distribution, HalfNormal, LKJCholesky, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl._settings import check_positive, check_priors
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import lca_times, tree_kernel
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._given_tree import as_setting, bound
from bayes_mtl.priors._moments import Moments

if TYPE_CHECKING:
    from bayes_mtl.data import TaskData


@dataclass(frozen=True)
class LatentCovarianceHierarchy(AbstractGaussianTaskPrior):
    """Weights whose log standard deviations diffused down a given tree over the tasks.

    Parameters
    ----------
    tree
        As in `LatentHierarchy`, and not optional: a known hierarchy (a tensor is ``[tasks - 1, 3]``), or
        ``credible_tree(posterior).newick()`` of a fitted `LatentHierarchy`.
    mean
        Prior of the tasks' common mean, for each feature and output (standardised scale); None for the
        paper's 0.
    log_scale
        Prior of the root's log standard deviation, for each feature and output.
    drift
        Prior of the standard deviation by which it changes over one unit of time; the tree has the depth
        ``2 (1 - 1 / tasks)``.
    covariance
        ``"full"``: features are correlated, the same way in all tasks; ``"diagonal"``: they are not.
    concentration
        Of the LKJ prior on the correlation: 1 is uniform, more pulls towards none.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "root_log_scale": ("feature", "output"),
        "drift": ("feature", "output"),
        "log_scale_noise": ("task", "feature", "output"),
        "log_scale": ("task", "feature", "output"),
    }
    related_by: ClassVar[str] = "share of the tree's depth that two tasks have in common"

    tree: str | Tensor | np.ndarray
    mean: Distribution | None = Normal(0.0, 1.0)
    log_scale: Distribution = Normal(-1.0, 1.0)
    drift: Distribution = HalfNormal(0.5)
    covariance: Literal["full", "diagonal"] = "full"
    concentration: float = 1.0

    def __post_init__(self) -> None:
        if self.covariance not in ("full", "diagonal"):
            raise InputError(
                message("covariance", "'full' or 'diagonal'", repr(self.covariance), "Choose one.")
            )
        check_priors(self, "log_scale", *(() if self.mean is None else ("mean",)))
        check_priors(self, "drift", positive=True)
        check_positive(self, "concentration")
        object.__setattr__(self, "tree", as_setting(self.tree))

    def bind(self, data: "TaskData") -> "LatentCovarianceHierarchy":
        """The same prior with its tree over the tasks of the data."""
        if isinstance(self.tree, np.ndarray):
            return self
        return replace(self, tree=bound(self.tree, data.schema.tasks))

    def moments(self, dims: Dims) -> Moments:
        root, drift = self._root(dims)
        zero = root.new_zeros(())
        with dims.plate():
            noise = pyro.sample(
                "log_scale_noise", Normal(zero, zero + 1.0).expand(list(dims.weights)).to_event(2)
            )
        return self._given_log_scale(self._log_scale(root, drift, noise, dims), dims)

    def new_moments(self, dims: Dims) -> Moments:
        raise UnsupportedError(
            "LatentCovarianceHierarchy knows the place of the fitted tasks on the given tree and not that of "
            "another one. Add it to the tree and fit again, or use LatentHierarchy to predict for new tasks."
        )

    def _root(self, dims: Dims) -> tuple[Tensor, Tensor]:
        root = pyro.sample("root_log_scale", self.log_scale.expand(dims.weights).to_event(2))
        return root, pyro.sample("drift", self.drift.expand(dims.weights).to_event(2))

    def _log_scale(self, root: Tensor, drift: Tensor, noise: Tensor, dims: Dims) -> Tensor:
        kernel = _of_positions(tree_kernel(self._bound(dims), 0.0), dims)
        factor = torch.linalg.cholesky(kernel).to(noise)
        return root + drift * torch.einsum("ts,...sdc->...tdc", factor, noise)

    def _given_log_scale(self, log_scale: Tensor, dims: Dims) -> Moments:
        mean = torch.zeros_like(log_scale)
        if self.mean is not None:
            mean = mean + pyro.sample("mean", self.mean.expand(dims.weights).to_event(2))
        correlation = None
        if self.covariance == "full" and dims.features > 1:
            correlation = pyro.sample("correlation", LKJCholesky(dims.features, self.concentration))
        return Moments(mean, log_scale.exp(), correlation)

    def _bound(self, dims: Dims) -> Tensor:
        if not isinstance(self.tree, Tensor) or len(self.tree) + 1 < dims.tasks:
            raise InputError(
                message("tree", "a tree over the tasks of the data", "another", "Call bind(data) first.")
            )
        return self.tree

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The population that expectation-maximisation found, the same for all tasks."""
        values = {"mean": estimates.mean, "root_log_scale": estimates.scale().log()}
        if self.covariance == "full":
            values["correlation"] = estimates.correlation()
        return values

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        """Share of the way from the root that two tasks went together, ``[draws, tasks, tasks]``."""
        tree = self._bound(dims)
        share = (1.0 - _of_positions(lca_times(tree), dims) / tree[-1, 2]).to(draws["weights"].dtype)
        return share.expand(len(draws["weights"]), -1, -1)

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Log standard deviations of each task's weights."""
        noise = draws["log_scale_noise"]
        return {"log_scale": self._log_scale(draws["root_log_scale"], draws["drift"], noise, dims)}


def _of_positions(matrix: Tensor, dims: Dims) -> Tensor:
    """Rows and columns of the tasks of one kind, where there are several."""
    return matrix[list(dims.positions)][:, list(dims.positions)] if dims.positions else matrix
