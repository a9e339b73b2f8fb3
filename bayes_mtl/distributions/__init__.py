"""Distributions that PyTorch and Pyro lack."""

from bayes_mtl.distributions._forest import Forest
from bayes_mtl.distributions._from_linkage import from_linkage
from bayes_mtl.distributions._from_newick import from_newick
from bayes_mtl.distributions._generalized_inverse_gaussian import GeneralizedInverseGaussian
from bayes_mtl.distributions._greedy_tree import greedy_tree
from bayes_mtl.distributions._kingman_tree import KingmanTree
from bayes_mtl.distributions._log_bessel_k import log_bessel_k
from bayes_mtl.distributions._log_upper_gamma import log_upper_gamma
from bayes_mtl.distributions._matrix_generalized_hyperbolic import MatrixGeneralizedHyperbolic
from bayes_mtl.distributions._matrix_normal import MatrixNormal
from bayes_mtl.distributions._mixture_kl import mixture_kl
from bayes_mtl.distributions._right_censored import RightCensored
from bayes_mtl.distributions._stick_breaking import StickBreaking
from bayes_mtl.distributions._task_mixture import TaskMixture
from bayes_mtl.distributions._tree_clades import clades
from bayes_mtl.distributions._tree_kernel import tree_kernel
from bayes_mtl.distributions._tree_lca_times import lca_times
from bayes_mtl.distributions._tree_messages import TreeMessages
from bayes_mtl.distributions._tree_passes import Upward, added, marginals, push, upward
from bayes_mtl.distributions._tree_to_newick import to_newick
from bayes_mtl.distributions._weight_mixture import WeightMixture

__all__ = [
    "Forest",
    "GeneralizedInverseGaussian",
    "KingmanTree",
    "MatrixGeneralizedHyperbolic",
    "MatrixNormal",
    "RightCensored",
    "StickBreaking",
    "TaskMixture",
    "TreeMessages",
    "Upward",
    "WeightMixture",
    "added",
    "clades",
    "from_linkage",
    "from_newick",
    "greedy_tree",
    "lca_times",
    "log_bessel_k",
    "log_upper_gamma",
    "marginals",
    "mixture_kl",
    "push",
    "to_newick",
    "tree_kernel",
    "upward",
]
