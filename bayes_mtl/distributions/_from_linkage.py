"""A tree over tasks from a linkage matrix of scipy."""

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message


def from_linkage(linkage: np.ndarray) -> Tensor:
    """Take a hierarchical clustering of the tasks for a tree: heights become times.

    Parameters
    ----------
    linkage
        ``[tasks - 1, 4]``, as ``scipy.cluster.hierarchy.linkage`` returns it.

    Returns
    -------
    Tensor
        ``[tasks - 1, 3]`` float64, of `KingmanTree`'s form.

    Raises
    ------
    InputError
        For what is no linkage matrix, heights that fall, and tasks at a height of 0 from each other.

    Examples
    --------
    >>> from scipy.cluster.hierarchy import linkage
    >>> from_linkage(linkage([[0.0], [1.0], [5.0]], "average"))
    tensor([[0.0000, 1.0000, 1.0000],
            [2.0000, 3.0000, 4.5000]], dtype=torch.float64)
    """
    from scipy.cluster.hierarchy import is_monotonic, is_valid_linkage

    linkage = np.asarray(linkage, dtype=np.float64)
    valid = linkage.ndim == 2 and is_valid_linkage(linkage) and is_monotonic(linkage)
    if not valid or not linkage[0, 2] > 0:
        raise InputError(
            message(
                "linkage",
                "a linkage matrix with heights that rise from above 0",
                "another array" if not valid else "a height of 0",
                "Use method 'average', 'complete' or 'ward', and no two tasks that are the same.",
            )
        )
    children = np.sort(linkage[:, :2], axis=1)
    return torch.as_tensor(np.column_stack([children, linkage[:, 2]]))
