"""When the lineages of two tasks merge."""

import torch
from jaxtyping import Float
from torch import Tensor

from bayes_mtl.distributions._tree_clades import clades


def lca_times(tree: Float[Tensor, "*draws mergers 3"]) -> Float[Tensor, "*draws tasks tasks"]:
    """Time of the last common ancestor of each pair of tasks; 0 on the diagonal. Differentiable in the times.

    Parameters
    ----------
    tree
        Of `KingmanTree`'s form.

    Examples
    --------
    >>> import torch
    >>> lca_times(torch.tensor([[0.0, 2.0, 0.5], [1.0, 3.0, 1.0]]))
    tensor([[0.0000, 1.0000, 0.5000],
            [1.0000, 0.0000, 1.0000],
            [0.5000, 1.0000, 0.0000]])
    """
    mergers = tree.shape[-2]
    below = clades(tree)
    below = below.reshape(-1, mergers, mergers + 1)
    first = torch.full(
        (len(below), mergers + 1, mergers + 1), mergers - 1, dtype=torch.long, device=tree.device
    )
    # From the root down, every merger takes its own leaves: what stays is the youngest merger above both.
    for k in range(mergers - 2, -1, -1):
        own = below[:, k]
        first = torch.where(own.unsqueeze(-1) & own.unsqueeze(-2), k, first)
    time = tree[..., 2].reshape(-1, mergers)
    found = time.gather(-1, first.flatten(-2)).reshape(*tree.shape[:-2], mergers + 1, mergers + 1)
    diagonal = torch.eye(mergers + 1, dtype=torch.bool, device=tree.device)
    return found.masked_fill(diagonal, 0.0)
