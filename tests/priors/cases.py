"""Every prior with the settings that change its program."""

from pyro.distributions import HalfNormal

from bayes_mtl.priors import (
    AbstractTaskPrior,
    Hierarchical,
    Independent,
    LowRank,
    Pooled,
    TaskClustering,
    TaskCovariance,
)

PRIORS: dict[str, AbstractTaskPrior] = {
    "independent": Independent(),
    "independent_learned": Independent(scale=HalfNormal(1.0)),
    "pooled": Pooled(),
    "hierarchical": Hierarchical(),
    "hierarchical_diagonal": Hierarchical(covariance="diagonal"),
    "low_rank": LowRank(rank=2),
    "task_covariance": TaskCovariance(),
    "clustering": TaskClustering(clusters=2),
    "clustering_sparse": TaskClustering(clusters=3, weights_prior="sparse", covariance="diagonal"),
    "clustering_sticks": TaskClustering(clusters=3, weights_prior="stick-breaking"),
    "clustering_gate": TaskClustering(clusters=3, weights_prior="gate", task_mean=True),
}
