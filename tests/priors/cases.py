"""Every prior with the settings that change its program."""

from pyro.distributions import HalfNormal

from bayes_mtl.priors import (
    AbstractTaskPrior,
    GumbelSoftmax,
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
    "gumbel_softmax": GumbelSoftmax(),
    "gumbel_softmax_alone": GumbelSoftmax(spread=0.1, alone=True),
}

JOINT = {name: prior for name, prior in PRIORS.items() if not prior.only_svi}
"""Those that are a joint distribution: the others have no moments and no evidence."""
