"""Figures of a posterior: one function a file, each returns the figure and leaves pyplot alone."""

from bayes_mtl.plots._plot_affinity import plot_affinity
from bayes_mtl.plots._plot_calibration import plot_calibration
from bayes_mtl.plots._plot_clusters import plot_clusters
from bayes_mtl.plots._plot_dendrogram import plot_dendrogram
from bayes_mtl.plots._plot_diversity import plot_diversity
from bayes_mtl.plots._plot_elbo import plot_elbo
from bayes_mtl.plots._plot_expert_use import plot_expert_use
from bayes_mtl.plots._plot_fit import plot_fit
from bayes_mtl.plots._plot_forest import plot_forest
from bayes_mtl.plots._plot_relatedness import plot_relatedness
from bayes_mtl.plots._plot_sbc import plot_sbc
from bayes_mtl.plots._plot_task_similarity import plot_task_similarity
from bayes_mtl.plots._plot_transfer import plot_transfer

__all__ = [
    "plot_affinity",
    "plot_calibration",
    "plot_clusters",
    "plot_dendrogram",
    "plot_diversity",
    "plot_elbo",
    "plot_expert_use",
    "plot_fit",
    "plot_forest",
    "plot_relatedness",
    "plot_sbc",
    "plot_task_similarity",
    "plot_transfer",
]
