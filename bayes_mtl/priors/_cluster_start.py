"""Starting values of a mixture of tasks: k-means++ on ridge estimates of every task's weights."""

import warnings

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bayes_mtl._shapes import Dims

_SMALLEST_SCALE = 0.1


def cluster_start(
    estimates: Float[Tensor, "tasks features outputs"], dims: Dims, clusters: int, *, search: bool
) -> dict[str, Tensor]:
    """Cluster the tasks' estimates and describe each cluster.

    Parameters
    ----------
    estimates
        ``[tasks, features, outputs]``, ridge estimates on the standardised scale.
    clusters
        Number of components of the mixture.
    search
        Whether to start with as many clusters as BIC prefers (at most ``clusters``), leaving the rest
        nearly empty, which is where a sparse prior wants them. Starting with all of them splits true
        clusters into parts that no local step joins again.
    """
    points = estimates.reshape(dims.tasks, -1).double().cpu().numpy()
    most = min(clusters, dims.tasks)
    labels = _best_labels(points, most) if search else _kmeans(points, most)
    found = int(labels.max()) + 1
    share = np.full(clusters, 0.01 / clusters)
    share[:found] += np.bincount(labels, minlength=found) / len(labels)
    overall = points.std(0).clip(_SMALLEST_SCALE)
    mean = np.tile(points.mean(0), (clusters, 1))
    scale = np.tile(overall, (clusters, 1))
    for k in range(found):
        members = points[labels == k]
        mean[k] = members.mean(0)
        if len(members) > 2:
            scale[k] = members.std(0).clip(_SMALLEST_SCALE)
    shape = (clusters, *dims.weights)
    return {
        "cluster_weights": torch.tensor(share / share.sum(), dtype=estimates.dtype),
        "cluster_mean": torch.tensor(mean, dtype=estimates.dtype).reshape(shape),
        "cluster_scale": torch.tensor(scale, dtype=estimates.dtype).reshape(shape),
        "weights": estimates,
    }


def _kmeans(points: Float[np.ndarray, "tasks weights"], clusters: int) -> Int[np.ndarray, " tasks"]:
    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than clusters: empty ones are harmless here
        return KMeans(clusters, n_init=10, random_state=0).fit_predict(points)


def _best_labels(points: Float[np.ndarray, "tasks weights"], most: int) -> Int[np.ndarray, " tasks"]:
    """Labels of the number of clusters with the lowest BIC of a mixture of diagonal Gaussians."""
    from sklearn.mixture import GaussianMixture

    if len(points) < 2:  # of which a mixture cannot be fitted
        return np.zeros(len(points), dtype=int)
    floor = 1e-3 * float(points.var(0).mean()) + 1e-9
    best, chosen = np.inf, 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a component that has not converged only loses the comparison
        for k in range(1, most + 1):
            mixture = GaussianMixture(k, covariance_type="diag", reg_covar=floor, n_init=3, random_state=0)
            score = mixture.fit(points).bic(points)
            if score < best:
                best, chosen = score, k
    return np.zeros(len(points), dtype=int) if chosen == 1 else _kmeans(points, chosen)
