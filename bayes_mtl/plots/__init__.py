"""Figures of a posterior: one function a file, each returns the figure and leaves pyplot alone."""

from bayes_mtl.plots._plot_clusters import plot_clusters
from bayes_mtl.plots._plot_dendrogram import plot_dendrogram
from bayes_mtl.plots._plot_elbo import plot_elbo
from bayes_mtl.plots._plot_fit import plot_fit
from bayes_mtl.plots._plot_forest import plot_forest
from bayes_mtl.plots._plot_relatedness import plot_relatedness

__all__ = [
    "plot_clusters",
    "plot_dendrogram",
    "plot_elbo",
    "plot_fit",
    "plot_forest",
    "plot_relatedness",
]
