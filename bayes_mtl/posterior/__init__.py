"""Draws from the posterior: predictions, relatedness, contrasts, export, files."""

from bayes_mtl.posterior._build import build_posterior
from bayes_mtl.posterior._clades import clades
from bayes_mtl.posterior._clusters import clusters
from bayes_mtl.posterior._consensus_tree import consensus_tree
from bayes_mtl.posterior._credible_tree import credible_tree
from bayes_mtl.posterior._evaluate import log_likelihood, total_log_likelihood
from bayes_mtl.posterior._fit_record import FitRecord
from bayes_mtl.posterior._load import load
from bayes_mtl.posterior._posterior import Posterior
from bayes_mtl.posterior._prediction import Prediction
from bayes_mtl.posterior._relatedness import Relatedness
from bayes_mtl.posterior._score import Score
from bayes_mtl.posterior._support_tree import SupportTree

__all__ = [
    "FitRecord",
    "Posterior",
    "Prediction",
    "Relatedness",
    "Score",
    "SupportTree",
    "build_posterior",
    "clades",
    "clusters",
    "consensus_tree",
    "credible_tree",
    "load",
    "log_likelihood",
    "total_log_likelihood",
]
