"""Which task belongs to which cluster."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._colour_bar import colour_bar
from bayes_mtl.plots._labels import every, label_axis, room, shown
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._clusters import assignment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 60
_MOST_NUMBERS = 30


def plot_clusters(posterior: Posterior, kind: str | None = None, ax: "Axes | None" = None) -> "Figure":
    """Probability of each cluster for each task.

    Tasks are sorted by their likeliest cluster, the surest first. Below each cluster stands the expected
    number of its tasks.

    Parameters
    ----------
    posterior
        Of a prior that assigns tasks to clusters, such as `TaskClustering`.
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
        Where the prior has no clusters.
    InputError
        For an unknown kind.
    """
    names, probability = assignment(posterior, kind)
    order = np.lexsort([-probability.max(1), probability.argmax(1)])
    values, names = probability[order], [names[i] for i in order]
    number, clusters = values.shape
    height = float(np.clip(1.6 + 0.22 * number, 2.4, 12.0))
    figure, axes = canvas(ax, float(np.clip(3.0 + 0.7 * clusters, 4.4, 14.0)) + room(names), height)
    image = axes.imshow(values, aspect="auto", cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    if number <= _MOST_NUMBERS:
        for task, cluster in np.argwhere(values >= 0.005):
            share = values[task, cluster]
            colour = "white" if share > 0.6 else "black"
            axes.text(cluster, task, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=8)
    step = label_axis(axes, "y", names, _MOST_LABELS)
    expected = probability.sum(0)
    axes.set_xticks(range(clusters), [f"{k}\n{count:.1f}" for k, count in enumerate(expected)])
    axes.set_ylabel(f"task{every(step)}")
    axes.set_xlabel("cluster, and expected number of its tasks")
    if kind:
        axes.set_title(shown(kind), fontsize=10)
    colour_bar(figure, image, axes, "probability that the task belongs to the cluster", aspect=40)
    return figure
