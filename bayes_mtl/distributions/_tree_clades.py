"""Which tasks lie below each merger of a tree."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def clades(tree: Float[Tensor, "*draws mergers 3"]) -> Bool[Tensor, "*draws mergers tasks"]:
    """Leaves below each merger of a tree of `KingmanTree`'s form; the last row, the root, has all.

    Examples
    --------
    >>> import torch
    >>> clades(torch.tensor([[0.0, 2.0, 0.5], [1.0, 3.0, 1.0]])).int()
    tensor([[1, 0, 1],
            [1, 1, 1]], dtype=torch.int32)
    """
    mergers = tree.shape[-2]
    flat = tree.detach().reshape(-1, mergers, 3)[..., :2].long()
    every = torch.arange(len(flat), device=tree.device)
    leaves = torch.eye(mergers + 1, dtype=torch.bool, device=tree.device)
    below = leaves.new_zeros(len(flat), 2 * mergers + 1, mergers + 1)
    below[:, : mergers + 1] = leaves
    for k in range(mergers):
        below[:, mergers + 1 + k] = below[every, flat[:, k, 0]] | below[every, flat[:, k, 1]]
    return below[:, mergers + 1 :].reshape(*tree.shape[:-1], mergers + 1)
