"""Real data that an installed package ships, and synthetic tasks that come with their truth."""

from bayes_mtl.datasets._chem97 import chem97
from bayes_mtl.datasets._clustered_tasks import clustered_tasks
from bayes_mtl.datasets._exam import exam
from bayes_mtl.datasets._hierarchical_tasks import hierarchical_tasks
from bayes_mtl.datasets._low_rank_tasks import low_rank_tasks
from bayes_mtl.datasets._math_achieve import math_achieve
from bayes_mtl.datasets._radon import radon
from bayes_mtl.datasets._targets import bernoulli_targets, poisson_targets
from bayes_mtl.datasets._tree_tasks import tree_tasks
from bayes_mtl.datasets._truth import Truth

__all__ = [
    "Truth",
    "bernoulli_targets",
    "chem97",
    "clustered_tasks",
    "exam",
    "hierarchical_tasks",
    "low_rank_tasks",
    "math_achieve",
    "poisson_targets",
    "radon",
    "tree_tasks",
]
