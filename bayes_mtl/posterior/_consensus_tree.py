"""The groups on which most trees agree."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.posterior._clades import clade_times
from bayes_mtl.posterior._support_tree import SupportTree
from bayes_mtl.posterior._tree_draws import tree_draws

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


def consensus_tree(posterior: "Posterior", kind: str | None = None, least: float = 0.5) -> SupportTree:
    """Majority-rule consensus of the posterior's trees.

    It has every group of tasks whose posterior probability is above ``least``. Where the draws do not
    agree, a node has more than two children: the tree says no more than the posterior does.

    Parameters
    ----------
    posterior
        Of `LatentHierarchy` or another prior with a site ``tree``.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.
    least
        Support that a group must exceed, from 0.5 (any two such groups fit into one tree) to below 1.

    Raises
    ------
    InputError
        For ``least`` out of range.
    UnsupportedError
        Where the prior has no tree.

    References
    ----------
    Margush and McMorris, Consensus n-trees (Bulletin of Mathematical Biology 1981).
    """
    if not 0.5 <= least < 1.0:
        raise InputError(message("least", "from 0.5 to below 1", least, "Use 0.5, or 0.8 for sure groups."))
    draws = tree_draws(posterior, kind)
    number, tasks = len(draws.times), len(draws.tasks)
    found = [
        (members, len(times) / number, times.mean())
        for members, times in clade_times(draws)
        if len(times) > least * number or members.sum() == tasks
    ]
    members, support, time = (np.asarray(column) for column in zip(*found, strict=True))
    return SupportTree.of(draws.tasks, members, support, time)
