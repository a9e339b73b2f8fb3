"""A tree that the user gives, in whichever form, as a tensor over the tasks of the data."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.distributions import KingmanTree, from_linkage, from_newick

_FORMS = "a tree in Newick's format, a linkage matrix of scipy, or rows (child, child, time)"


def as_setting(tree: str | Tensor | np.ndarray | None) -> str | Tensor | None:
    """Text as it is, everything else as a tensor ``[mergers, 3]`` float64."""
    if tree is None or isinstance(tree, str):
        return tree
    if not isinstance(tree, (Tensor, np.ndarray)):
        raise InputTypeError(message("tree", _FORMS, type(tree).__name__, "Pass one of these."))
    values = torch.as_tensor(tree).double()
    if values.dim() == 2 and values.shape[1] == 4:
        values = from_linkage(values.numpy()).double()
    if values.dim() != 2 or values.shape[1] != 3 or len(values) < 1:
        raise InputError(message("tree", _FORMS, f"an array of shape {tuple(values.shape)}", "Pass one."))
    ordered = values.clone()
    ordered[:, :2] = values[:, :2].sort(-1).values
    if not bool(KingmanTree(len(values) + 1).support.check(ordered)):
        raise InputError(
            message(
                "tree",
                "every node but the last to be joined once, by a later row, at times that rise from above 0",
                "another order, or other times",
                "Rows are (child, child, time); leaves are 0, 1, ..., row k makes the node leaves + k.",
            )
        )
    return ordered


def bound(tree: str | Tensor, tasks: Sequence[str]) -> Tensor:
    """The tree over these tasks, scaled to the depth that the coalescent expects.

    Raises
    ------
    InputError
        Where it lacks tasks, or has not as many leaves as there are tasks.
    """
    number = len(tasks)
    if number < 2:
        raise InputError(message("tree", "at least 2 tasks", number, "Use Hierarchical for one task."))
    if isinstance(tree, str):
        tree = from_newick(tree, tasks).double()
    if len(tree) != number - 1:
        raise InputError(
            message(
                "tree",
                f"{number} leaves, one for each task in the order of data.schema.tasks",
                f"{len(tree) + 1}",
                "Make it of these tasks, or pass text in Newick's format, whose leaves have names.",
            )
        )
    scaled = tree.clone()
    scaled[:, 2] *= 2.0 * (1.0 - 1.0 / number) / float(tree[-1, 2])
    return scaled
