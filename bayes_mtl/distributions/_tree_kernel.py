"""Covariance between tasks whose weights diffused down a tree."""

import torch
from jaxtyping import Float
from torch import Tensor

from bayes_mtl.distributions._tree_lca_times import lca_times


def tree_kernel(
    tree: Float[Tensor, "*draws mergers 3"], kappa: Tensor | float
) -> Float[Tensor, "*draws tasks tasks"]:
    """``kappa`` plus the time that two tasks share on their way down from the root.

    With a root ``N(m, kappa Lambda)`` and steps ``N(0, duration Lambda)`` down the branches, the leaves are
    ``vec(W) ~ N(1 (x) m, C (x) Lambda)`` where ``C[k, l] = kappa + t_root - t_lca(k, l)``; so
    ``C[k, k] = kappa + t_root``.

    Parameters
    ----------
    tree
        Of `KingmanTree`'s form; the kernel is differentiable in its times.
    kappa
        Variance of the root in units of the diffusion's, ``[*draws]`` or a number.

    References
    ----------
    Daumé III, Bayesian multitask learning with latent hierarchies (UAI 2009), with internal nodes
    integrated out.
    """
    kappa = torch.as_tensor(kappa, dtype=tree.dtype, device=tree.device)
    return kappa[..., None, None] + tree[..., -1:, 2:] - lca_times(tree)
