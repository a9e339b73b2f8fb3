"""How alike tasks are, as a map with related tasks side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.plots._canvas import canvas
from bayes_mtl.plots._colour_bar import colour_bar
from bayes_mtl.plots._labels import every, label_axis, room
from bayes_mtl.posterior import Posterior
from bayes_mtl.posterior._relatedness import Of
from bayes_mtl.priors import AbstractTaskPrior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 50
_MOST_LEAVES = 400
_OF_FEATURES = "share of one task in the prior of the other's features, both directions"


def plot_relatedness(
    posterior: Posterior,
    tasks: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    *,
    of: Of = "weights",
) -> "Figure":
    """Posterior mean of the relatedness of every pair of tasks.

    Tasks are ordered by hierarchical clustering (average linkage), so that related ones form blocks.
    What the numbers mean depends on the prior, and stands beside the colour bar.

    Parameters
    ----------
    posterior
        Of any inference.
    tasks
        Names of the tasks to compare; all by default.
    ax
        Axes to draw on; a new figure by default.
    of
        What is related: see `Posterior.relatedness`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        For an unknown task, or fewer than two; for features that no prior relates.
    """
    mean = posterior.relatedness(tasks, of=of).mean
    order = related_order(mean.to_numpy())
    values, names = mean.to_numpy()[np.ix_(order, order)], [str(mean.index[i]) for i in order]
    number = len(names)
    size = float(np.clip(2.0 + 0.22 * number, 4.0, 10.0))
    from matplotlib import colormaps

    figure, axes = canvas(ax, size + 1.2 + room(names), size + room(names), "compressed")
    signed = bool(np.nanmin(values) < 0)
    largest = float(np.nanmax(np.abs(values)))
    most = largest if largest > 1.001 else 1.0  # float32 makes a correlation of 1 a little more
    image = axes.imshow(
        values,
        # grey: tasks of different kinds
        cmap=colormaps["PuOr_r" if signed else "cividis"].with_extremes(bad="#D9D9D9"),
        vmin=-most if signed else 0.0,
        vmax=most,
        interpolation="nearest",
    )
    step = label_axis(axes, "y", names, _MOST_LABELS)
    label_axis(axes, "x", names, _MOST_LABELS)
    axes.set_xlabel(f"task{every(step)}")
    label = _OF_FEATURES if of == "features" else meaning(posterior.program.prior)
    colour_bar(figure, image, axes, label, shrink=0.7)
    return figure


def related_order(values: np.ndarray) -> np.ndarray:
    """Positions of tasks such that related ones are neighbours.

    Parameters
    ----------
    values
        ``[tasks, tasks]``, symmetric; missing where two tasks cannot be related.
    """
    if len(values) < 3:
        return np.arange(len(values))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    most = float(np.nanmax(values))
    # What cannot be related is further apart than anything that can.
    distance = np.where(np.isnan(values), 2 * (most - float(np.nanmin(values)) + 1.0), most - values)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    flat = squareform(distance, checks=False)
    tree = linkage(flat, "average")
    if len(values) <= _MOST_LEAVES:  # its time grows with the cube of the tasks
        tree = optimal_leaf_ordering(tree, flat)
    return np.asarray(leaves_list(tree))


def meaning(prior: AbstractTaskPrior) -> str:
    """What a prior's relatedness measures; a class that redefines it without saying so gets its name."""
    for kind in type(prior).__mro__:
        if "related_by" in vars(kind):
            return str(vars(kind)["related_by"])
        if "relatedness" in vars(kind):
            break
    return f"relatedness as {type(prior).__name__} defines it"
