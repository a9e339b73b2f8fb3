"""The draw that agrees best with all others."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.posterior._clades import clade_times
from bayes_mtl.posterior._support_tree import SupportTree
from bayes_mtl.posterior._tree_draws import tree_draws

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


def credible_tree(posterior: "Posterior", kind: str | None = None) -> SupportTree:
    """Maximum clade credibility tree: the draw whose groups have the largest product of support.

    Every merger joins two nodes, also where the draws hardly agree: read the support, or take
    `consensus_tree`. Times are the means over the draws which have the group.

    Parameters
    ----------
    posterior
        Of `LatentHierarchy` or another prior with a site ``tree``.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.

    Raises
    ------
    UnsupportedError
        Where the prior has no tree.

    References
    ----------
    Heled and Bouckaert, Looking for trees in the forest (BMC Evolutionary Biology 2013).
    """
    draws = tree_draws(posterior, kind)
    number = len(draws.times)
    known = {members.tobytes(): (len(times) / number, times.mean()) for members, times in clade_times(draws)}
    found = [[known[members.tobytes()] for members in tree] for tree in draws.members]
    best = int(np.argmax([sum(np.log(support) for support, _ in tree) for tree in found]))
    support, time = (np.asarray(column) for column in zip(*found[best], strict=True))
    return SupportTree.of(draws.tasks, draws.members[best], support, time)
