"""A tree from rough estimates of the leaves, where a search may start."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_LEAST = 1e-3
"""Shortest duration, as a share of the mean one under the coalescent."""


def greedy_tree(
    means: Float[Tensor, "tasks size"],
    variances: Float[Tensor, " tasks"],
    covariance: Float[Tensor, "size size"],
) -> Float[Tensor, "tasks-1 3"]:
    r"""Merge the pair whose best merger comes first, again and again ("Greedy-Rate1").

    With rate 1, ``q = |mu_l - mu_r|^2`` in units of the diffusion's covariance and ``s`` the variance that
    the difference has without further time, the best duration of a pair from now is
    ``max(0, (sqrt(4 q + D^2) - D) / 4 - s / 2)``.

    Parameters
    ----------
    means, variances
        Estimates of the leaves, and their error's variance in units of ``covariance``.
    covariance
        Of the diffusion over one unit of time.

    Returns
    -------
    Tensor
        ``[tasks - 1, 3]``, float64, of `KingmanTree`'s form; times are strictly increasing.

    References
    ----------
    Teh, Daumé and Roy (NIPS 2007), section 4.2; without the clip at 0 durations come out negative.
    """
    tasks, size = means.shape
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(covariance.double()), means.double().mT, upper=False
    )
    mean = np.concatenate([white.mT.numpy(), np.zeros((tasks - 1, size))])
    variance = np.concatenate([variances.double().numpy(), np.zeros(tasks - 1)])
    time = np.zeros(2 * tasks - 1)
    alive = list(range(tasks))
    rows, now = [], 0.0
    for k in range(tasks - 1):
        nodes = np.array(alive)
        own = variance[nodes] - time[nodes]
        distance = np.square(mean[nodes, None] - mean[None, nodes]).sum(-1)
        wait = (np.sqrt(4 * distance + size**2) - size) / 4 - (own[:, None] + own[None] + 2 * now) / 2
        # Of those that would merge at once, the pair that would have merged longest ago.
        wait[np.tril_indices(len(nodes))] = np.inf
        i, j = np.unravel_index(np.argmin(wait), wait.shape)
        lineages = len(nodes)
        now += max(float(wait[i, j]), _LEAST * 2 / (lineages * (lineages - 1)))
        left, right, new = nodes[i], nodes[j], tasks + k
        left_variance, right_variance = variance[left] + now - time[left], variance[right] + now - time[right]
        total = left_variance + right_variance
        variance[new] = left_variance * right_variance / total
        mean[new] = (right_variance * mean[left] + left_variance * mean[right]) / total
        time[new] = now
        rows.append([float(left), float(right), now])
        alive = [node for node in alive if node not in (left, right)] + [new]
    return torch.tensor(rows, dtype=torch.float64)
