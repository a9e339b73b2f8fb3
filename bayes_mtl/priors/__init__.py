"""Priors over the weights of all tasks: how tasks are related."""

from bayes_mtl.priors._abstract_gaussian_task_prior import AbstractGaussianTaskPrior
from bayes_mtl.priors._abstract_task_prior import AbstractTaskPrior
from bayes_mtl.priors._at_draws import at_draws
from bayes_mtl.priors._diffusion import Diffusion
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._group_sparse import GroupSparse
from bayes_mtl.priors._gumbel_softmax import GumbelSoftmax
from bayes_mtl.priors._hierarchical import Hierarchical
from bayes_mtl.priors._horseshoe import Horseshoe
from bayes_mtl.priors._independent import Independent
from bayes_mtl.priors._latent_covariance_hierarchy import LatentCovarianceHierarchy
from bayes_mtl.priors._latent_hierarchy import LatentHierarchy
from bayes_mtl.priors._low_rank import LowRank
from bayes_mtl.priors._moments import Moments
from bayes_mtl.priors._pooled import Pooled
from bayes_mtl.priors._task_clustering import TaskClustering
from bayes_mtl.priors._task_covariance import TaskCovariance

__all__ = [
    "AbstractGaussianTaskPrior",
    "AbstractTaskPrior",
    "Diffusion",
    "Estimates",
    "GroupSparse",
    "GumbelSoftmax",
    "Hierarchical",
    "Horseshoe",
    "Independent",
    "LatentCovarianceHierarchy",
    "LatentHierarchy",
    "LowRank",
    "Moments",
    "Pooled",
    "TaskClustering",
    "TaskCovariance",
    "at_draws",
]
