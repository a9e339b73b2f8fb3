"""Tasks that come in kinds: a mixture of Gaussian populations, with or without a gate.

Model
-----
``W[t] ~ sum_k q[t, k] N(m_k (+ M f_t), S_k)`` with ``S_k = diag(s_k) R_k diag(s_k)``. The weights of the
mixture are the same for all tasks (Dirichlet or stick-breaking) or come from a gate on the tasks' own
features, ``q[t] = softmax(U' f_t)``. Assignments are summed out exactly, never sampled.

When: tasks of a few distinct kinds; finding out which tasks belong together; new tasks whose features
tell their kind (the gate).
When not: differences between tasks are gradual (`Hierarchical` fits as well and is simpler). The
training evidence rises with the number of clusters: choose it by held-out tasks or rows, or give more
clusters than needed and a sparse prior (``weights_prior="sparse"`` or ``"stick-breaking"``).

Reference: Bakker and Heskes, Task clustering and gating for Bayesian multitask learning (JMLR 2003).
The data enter through ``prod_t P(D_t | hyperparameters)``; the published left-hand side of the cluster
integral lacks the index of the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyro
import torch
from jaxtyping import Float
from pyro.distributions import Dirichlet, Distribution, HalfNormal, LKJCholesky, Normal
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_positive, check_priors, check_whole
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import StickBreaking
from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._align import align_clusters
from bayes_mtl.priors._at_draws import at_draws
from bayes_mtl.priors._cluster_start import cluster_start
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._moments import Moments

_WEIGHTS = ("dirichlet", "sparse", "stick-breaking", "gate")


@dataclass(frozen=True)
class TaskClustering(AbstractGaussianTaskPrior):
    """Weights from a mixture of Gaussian populations.

    Parameters
    ----------
    clusters
        Number of clusters, or an upper bound of it with sparse weights.
    weights_prior
        ``"dirichlet"`` (uniform), ``"sparse"`` (Dirichlet with total mass 1, empties what is not needed),
        ``"stick-breaking"`` (truncated Dirichlet process of concentration 1), ``"gate"`` (softmax of the
        tasks' features).
    task_mean
        Whether the means also depend linearly on the tasks' features.
    mean, scale
        Priors of each cluster's means and standard deviations (standardised scale).
    covariance
        ``"full"`` or ``"diagonal"``, of the features within a cluster.
    concentration
        Of the LKJ prior on the correlations: 1 is uniform, more pulls towards none.
    gate_scale
        Prior standard deviation of the gate's coefficients.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "cluster_weights": ("cluster",),
        "gate": ("task_feature_or_intercept", "cluster"),
        "cluster_mean": ("cluster", "feature", "output"),
        "cluster_scale": ("cluster", "feature", "output"),
        "cluster_correlation": ("cluster", "feature", "feature_bis"),
        "task_mean": ("task_feature", "feature", "output"),
        "assignment": ("task", "cluster"),
    }
    related_by: ClassVar[str] = "probability of belonging to the same cluster"

    clusters: int = 2
    weights_prior: Literal["dirichlet", "sparse", "stick-breaking", "gate"] = "dirichlet"
    task_mean: bool = False
    mean: Distribution = Normal(0.0, 1.0)
    scale: Distribution = HalfNormal(1.0)
    covariance: Literal["full", "diagonal"] = "full"
    concentration: float = 1.0
    gate_scale: float = 1.0

    def __post_init__(self) -> None:
        check_whole(self, "clusters", 2, "Use Hierarchical for one.")
        check_priors(self, "mean")
        check_priors(self, "scale", positive=True)
        check_positive(self, "concentration", "gate_scale")
        if self.weights_prior not in _WEIGHTS:
            raise InputError(
                message("weights_prior", f"one of {_WEIGHTS}", repr(self.weights_prior), "Choose one.")
            )
        if self.covariance not in ("full", "diagonal"):
            raise InputError(
                message("covariance", "'full' or 'diagonal'", repr(self.covariance), "Choose one.")
            )

    def moments(self, dims: Dims) -> Moments:
        logits = self._logits(dims)
        shape = [self.clusters, *dims.weights]
        mean = pyro.sample("cluster_mean", self.mean.expand(shape).to_event(3))
        scale = pyro.sample("cluster_scale", self.scale.expand(shape).to_event(3))
        if self.task_mean:
            features = self._task_features(dims)
            slope = pyro.sample(
                "task_mean",
                Normal(mean.new_zeros(()), 1.0).expand([features.shape[1], *dims.weights]).to_event(3),
            )
            slope = slope.squeeze(-4) if slope.dim() > 3 else slope
            shift = torch.einsum("tf,...fdc->...tdc", features.to(slope.dtype), slope)
            mean = mean + shift.unsqueeze(-3)
        correlation = None
        if self.covariance == "full" and dims.features > 1:
            correlation = pyro.sample(
                "cluster_correlation",
                LKJCholesky(dims.features, self.concentration).expand([self.clusters]).to_event(1),
            )
        return Moments(mean, scale, correlation, logits=logits)

    def _logits(self, dims: Dims) -> Float[Tensor, "*_ clusters"]:
        if self.weights_prior == "gate":
            features = self._task_features(dims)
            features = torch.cat([torch.ones_like(features[:, :1]), features], 1)
            gate = pyro.sample(
                "gate",
                Normal(features.new_zeros(()), self.gate_scale)
                .expand([features.shape[1], self.clusters])
                .to_event(2),
            )
            gate = gate.squeeze(-3) if gate.dim() > 2 else gate
            return torch.einsum("tf,...fk->...tk", features.to(gate.dtype), gate).log_softmax(-1)
        if self.weights_prior == "stick-breaking":
            weights = pyro.sample("cluster_weights", StickBreaking(1.0, self.clusters))
        else:
            mass = 1.0 / self.clusters if self.weights_prior == "sparse" else 1.0
            weights = pyro.sample("cluster_weights", Dirichlet(torch.full((self.clusters,), mass)))
        return weights.clamp_min(torch.finfo(weights.dtype).tiny).log()

    def _task_features(self, dims: Dims) -> Float[Tensor, "tasks task_features"]:
        if dims.task_features is None:
            raise InputError(
                message(
                    "task_features",
                    "data with features of the tasks (the gate and the task-dependent mean read them)",
                    "none",
                    "Name them in TaskData.from_frame(task_features=[...]), or pass them to predict.",
                )
            )
        return dims.task_features

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """k-means++ on the estimates; with sparse weights, of as many clusters as BIC prefers."""
        search = self.weights_prior in ("sparse", "stick-breaking")
        return cluster_start(estimates.weights, dims, self.clusters, search=search)

    def assignment(self, draws: Mapping[str, Tensor], dims: Dims) -> Float[Tensor, "draws tasks clusters"]:
        """Probability of each cluster for each task given its weights, ``[draws, tasks, clusters]``.

        Raises
        ------
        InputError
            For draws of another prior.
        """
        hyper = {name: value for name, value in draws.items() if name in self.dim_names}
        moments = at_draws(lambda: self.moments(dims), hyper)
        if moments.logits is None:
            raise InputError(
                message("draws", "draws of a mixture", sorted(draws), "Pass this prior's draws.")
            )
        return moments.mixture().component_log_prob(draws["weights"]).softmax(-1)

    def align(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """Clusters of all draws under the same labels, the largest first.

        With stick-breaking weights, whose order means something to the prior, that order is given up.
        """
        return align_clusters(draws, self.assignment(draws, dims), self.dim_names)

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        return {"assignment": self.assignment(draws, dims)}

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Float[Tensor, "draws tasks tasks"]:
        """Probability that two tasks belong to the same cluster, ``[draws, tasks, tasks]``."""
        return self.related_among(draws, dims, torch.arange(dims.tasks))

    def related_among(self, draws: Mapping[str, Tensor], dims: Dims, tasks: Tensor) -> Tensor:
        assignment = self.assignment(draws, dims)
        assignment = assignment[:, tasks.to(assignment.device)]
        together = assignment @ assignment.mT
        itself = (tasks[:, None] == tasks).to(together.device)
        return together.masked_fill(itself, 1.0)
