"""The tree of the tasks, with the support of its groups."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._labels import every, label_axis, shown
from bayes_mtl.posterior import Posterior, SupportTree, consensus_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 120
_MOST_NUMBERS = 60


def plot_dendrogram(
    posterior: Posterior,
    tree: SupportTree | None = None,
    kind: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """The tree over the tasks: who is related, how closely, and how sure that is.

    Names stand on the right. Two tasks are the closer related, the further right the branches that lead
    to them meet. The dot of a group is coloured by its support, the posterior probability that there is
    such a group; the number beside it says the same.

    Parameters
    ----------
    posterior
        Of `LatentHierarchy` or another prior with a tree.
    tree
        What to draw: `consensus_tree` (the default: groups with a probability above one half) or
        `credible_tree`, which resolves every merger.
    kind
        Where tasks are of several kinds (`Mixed` likelihoods): which kind. Default: the first.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnsupportedError
        Where the prior has no tree.
    InputError
        For an unknown kind, or the tree of other tasks.
    """
    if tree is None:
        tree = consensus_tree(posterior, kind)
    unknown = [task for task in tree.tasks if task not in posterior.tasks]
    if unknown:
        raise InputError(message("tree", "a tree over the fitted tasks", f"{unknown[:5]}", "Pass its own."))
    leaves, children = len(tree.tasks), tree.children()
    order = _leaf_order(children, leaves)
    height = np.empty(leaves + len(children))  # place of every node on the axis of tasks
    height[order] = np.arange(leaves)
    time = np.concatenate([np.zeros(leaves), tree.time])
    figure, axes = canvas(ax, 7.0, float(np.clip(1.2 + 0.24 * leaves, 2.4, 14.0)))
    width = float(np.clip(60 / leaves, 0.4, 1.2))
    for node, below in enumerate(children, leaves):
        height[node] = (height[below].min() + height[below].max()) / 2
        axes.hlines(height[below], time[below], time[node], colors="#444444", linewidth=width)
        axes.vlines(time[node], height[below].min(), height[below].max(), colors="#444444", linewidth=width)
    dots = axes.scatter(
        time[leaves:],
        height[leaves:],
        c=tree.support,
        cmap="cividis",
        vmin=0.0,
        vmax=1.0,
        s=float(np.clip(560 / leaves, 4, 28)),
        zorder=3,
    )
    if len(children) <= _MOST_NUMBERS:
        for node, support in enumerate(tree.support[:-1], leaves):  # of the root it is always 1
            axes.annotate(
                f"{support:.2f}",
                (time[node], height[node]),
                xytext=(-3, 2),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=7 if leaves <= 40 else 6,
            )
    step = label_axis(axes, "y", [tree.tasks[t] for t in order], _MOST_LABELS)
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel(f"task{every(step)}")
    axes.set_xlim(1.06 * time[-1], -0.01 * time[-1])
    axes.set_ylim(leaves - 0.4, -0.6)
    axes.set_xlabel("time back from the tasks")
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.tick_params("y", length=0)
    name = posterior.program.kinds[0][0] if kind is None else kind
    if name:
        axes.set_title(shown(name), fontsize=10)
    figure.colorbar(dots, ax=axes, pad=0.02, aspect=max(40, leaves // 3), location="left").set_label(
        "support of the group"
    )
    return figure


def _leaf_order(children: list[list[int]], leaves: int) -> np.ndarray:
    """Tasks from top to bottom such that no branches cross, larger groups first."""
    below: list[list[int]] = [[task] for task in range(leaves)]
    for parts in children:
        largest_first = sorted(parts, key=lambda part: -len(below[part]))
        below.append([task for part in largest_first for task in below[part]])
    return np.asarray(below[-1])
