"""Groups of tasks that a tree joins, and how sure each of them is."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.posterior._tails import tails
from bayes_mtl.posterior._tree_draws import TreeDraws, tree_draws

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior


def clades(posterior: "Posterior", kind: str | None = None, level: float = 0.9) -> "pd.DataFrame":
    """Groups of tasks below one node of the tree, by their posterior probability.

    Parameters
    ----------
    posterior
        Of `LatentHierarchy` or another prior with a site ``tree``.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.
    level
        Probability of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a clade of two tasks or more, the surest first: ``members`` (a tuple of names), ``size``,
        ``support`` (share of the draws whose tree has it), and ``time``, ``lower`` and ``upper``: when it
        merges, counted back from the tasks, in the draws that have it.

    Raises
    ------
    UnsupportedError
        Where the prior has no tree.
    """
    import pandas as pd

    ends = tails(level)
    rows = []
    draws = tree_draws(posterior, kind)
    for members, times in clade_times(draws):
        names = tuple(draws.tasks[t] for t in np.flatnonzero(members))
        lower, upper = np.quantile(times, ends)
        rows.append((names, len(names), len(times) / len(draws.times), times.mean(), lower, upper))
    columns = ["members", "size", "support", "time", "lower", "upper"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["support", "size"], ascending=[False, True], kind="stable", ignore_index=True)


def clade_times(draws: TreeDraws) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each clade that occurs, ``[tasks]`` of bool, and its times in the draws which have it."""
    tasks = len(draws.tasks)
    packed = np.packbits(draws.members.reshape(-1, tasks), axis=1)
    kinds, which = np.unique(packed, axis=0, return_inverse=True)
    which = which.ravel()
    order = np.argsort(which, kind="stable")
    parts = np.split(draws.times.ravel()[order], np.cumsum(np.bincount(which))[:-1])
    members = np.unpackbits(kinds, axis=1, count=tasks).astype(bool)
    return list(zip(members, parts, strict=True))
