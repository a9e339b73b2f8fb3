"""Every prior with the settings that change its program."""

from pyro.distributions import HalfNormal

from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    GumbelSoftmax,
    Hierarchical,
    Horseshoe,
    Independent,
    LatentCovarianceHierarchy,
    LatentHierarchy,
    LowRank,
    Pooled,
    TaskClustering,
    TaskCovariance,
)

NAMES = [*"ABC", *(f"t{t}" for t in range(8)), *(f"'school {t}'" for t in range(8)), *map(str, range(8))]
TREE = f"({NAMES[0]},{NAMES[1]})"
for pair in zip(NAMES[2::2], NAMES[3::2], strict=False):
    TREE = f"({TREE},({','.join(pair)}))"
TREE += ";"
"""Over the tasks of all examples, in Newick's format; each takes its own part."""

PRIORS: dict[str, AbstractTaskPrior] = {
    "independent": Independent(),
    "independent_learned": Independent(scale=HalfNormal(1.0)),
    "pooled": Pooled(),
    "hierarchical": Hierarchical(),
    "hierarchical_diagonal": Hierarchical(covariance="diagonal"),
    "tree_given": LatentHierarchy(TREE),
    "tree_given_low_rank": LatentHierarchy(TREE, covariance="low_rank"),
    "tree_of_scales": LatentCovarianceHierarchy(TREE),
    "low_rank": LowRank(rank=2),
    "task_covariance": TaskCovariance(),
    "clustering": TaskClustering(clusters=2),
    "clustering_sparse": TaskClustering(clusters=3, weights_prior="sparse", covariance="diagonal"),
    "clustering_sticks": TaskClustering(clusters=3, weights_prior="stick-breaking"),
    "group_sparse": GroupSparse.ard(rank=2),
    "horseshoe": Horseshoe(intercept=HalfNormal(1.0)),
    "student_t": GroupSparse.student_t(rank=1, intercept=HalfNormal(1.0)),
    "group_lasso": GroupSparse.group_lasso(chi=4.0),
    "normal_inverse_gaussian": GroupSparse.normal_inverse_gaussian(),
    "clustering_gate": TaskClustering(clusters=3, weights_prior="gate", task_mean=True),
    "gumbel_softmax": GumbelSoftmax(),
    "gumbel_softmax_amortised": GumbelSoftmax(amortised=4),
    "gumbel_softmax_alone": GumbelSoftmax(spread=0.1, alone=True),
}

JOINT = {name: prior for name, prior in PRIORS.items() if not prior.only_svi}
"""Those that are a joint distribution: the others have no moments and no evidence."""
