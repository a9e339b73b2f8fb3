"""Real data that an installed package ships, and synthetic tasks that come with their truth."""

from bayes_mtl.datasets._ames import ames
from bayes_mtl.datasets._chem97 import chem97
from bayes_mtl.datasets._clustered_tasks import clustered_tasks
from bayes_mtl.datasets._correlated_pair import correlated_pair
from bayes_mtl.datasets._employment import employment
from bayes_mtl.datasets._exam import exam
from bayes_mtl.datasets._flights import flights
from bayes_mtl.datasets._grouseticks import grouseticks
from bayes_mtl.datasets._hierarchical_tasks import hierarchical_tasks
from bayes_mtl.datasets._icu_stays import icu_stays
from bayes_mtl.datasets._low_rank_tasks import low_rank_tasks
from bayes_mtl.datasets._math_achieve import math_achieve
from bayes_mtl.datasets._mimic3 import mimic3
from bayes_mtl.datasets._pair_truth import PairTruth
from bayes_mtl.datasets._radon import radon
from bayes_mtl.datasets._sleepstudy import sleepstudy
from bayes_mtl.datasets._stay_truth import StayTruth
from bayes_mtl.datasets._targets import bernoulli_targets, poisson_targets
from bayes_mtl.datasets._tree_tasks import tree_tasks
from bayes_mtl.datasets._truth import Truth

__all__ = [
    "PairTruth",
    "StayTruth",
    "Truth",
    "ames",
    "bernoulli_targets",
    "chem97",
    "clustered_tasks",
    "correlated_pair",
    "employment",
    "exam",
    "flights",
    "grouseticks",
    "hierarchical_tasks",
    "icu_stays",
    "low_rank_tasks",
    "math_achieve",
    "mimic3",
    "poisson_targets",
    "radon",
    "sleepstudy",
    "tree_tasks",
]
