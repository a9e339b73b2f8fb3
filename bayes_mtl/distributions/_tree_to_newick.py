"""Write a tree in Newick's notation."""

import re
from collections.abc import Sequence

from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.distributions._kingman_tree import KingmanTree

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")


def to_newick(tree: Tensor, names: Sequence[str]) -> str:
    """Newick text of one tree, which `from_newick` and programs for phylogenies read.

    Parameters
    ----------
    tree
        ``[tasks - 1, 3]``, of `KingmanTree`'s form.
    names
        Of the tasks; those with other characters than letters, digits, ``_``, ``.`` and ``-`` are quoted.

    Raises
    ------
    InputError
        For a tensor that is no tree over so many tasks.

    Examples
    --------
    >>> import torch
    >>> to_newick(torch.tensor([[0.0, 2.0, 1.0], [1.0, 3.0, 1.5]]), ["a", "b", "the c"])
    "(b:1.5,(a:1.0,'the c':1.0):0.5);"
    """
    tasks = len(names)
    if tree.shape != (tasks - 1, 3):
        expected = f"one tree [{tasks - 1}, 3] for {tasks} names"
        raise InputError(message("tree", expected, tuple(tree.shape), "Pick one draw."))
    if not bool(KingmanTree(tasks).support.check(tree)):
        raise InputError(
            message("tree", "mergers in the order of their times", "another tensor", "See KingmanTree.")
        )
    text = [name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'" for name in names]
    time = [0.0] * tasks
    for left, right, at in tree.tolist():
        parts = [f"{text[int(child)]}:{max(at - time[int(child)], 0.0)!r}" for child in (left, right)]
        text[int(left)] = text[int(right)] = ""  # each is used once: no copies pile up
        text.append(f"({','.join(parts)})")
        time.append(at)
    return text[-1] + ";"
