"""The trees of tasks in a posterior, and the groups of tasks that each of them joins."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.distributions import clades

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


@dataclass(frozen=True, eq=False)
class TreeDraws:
    """Draws of a tree over tasks.

    Attributes
    ----------
    tasks
        Names of the leaves.
    members
        ``[draws, mergers, tasks]``: which tasks each merger joins, from the tasks towards the root.
    times
        ``[draws, mergers]``: when, counted back from the tasks.
    """

    tasks: tuple[str, ...]
    members: np.ndarray
    times: np.ndarray


def tree_draws(posterior: "Posterior", kind: str | None = None) -> TreeDraws:
    """The trees of a posterior; the one that was given, where it was not to be found.

    Parameters
    ----------
    kind
        Where tasks are of several kinds: which kind. Default: the first.

    Raises
    ------
    UnsupportedError
        Where the prior has no tree.
    InputError
        For an unknown kind.
    """
    program = posterior.program
    names = {name: tasks for name, tasks in program.kinds}
    if kind is not None and kind not in names:
        raise InputError(message("kind", f"one of {list(names)}", repr(kind), "Choose one of them."))
    kind = program.kinds[0][0] if kind is None else kind
    found = posterior.draws.get(f"{kind}/tree" if kind else "tree")
    if found is not None:
        trees = found[:, 0].double()
    else:
        given = getattr(program.prior, "tree", None)
        if given is None or kind:
            raise UnsupportedError(
                f"{type(program.prior).__name__} has no tree over these tasks. Fit LatentHierarchy, or use "
                "plot_relatedness to see which tasks are alike."
            )
        trees = given.double()[None]
    tasks = tuple(posterior.tasks[t] for t in names[kind])
    return TreeDraws(tasks, clades(trees).numpy(), trees[..., 2].numpy())
