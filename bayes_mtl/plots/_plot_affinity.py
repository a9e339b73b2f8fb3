"""Which tasks help which, as a map."""

from typing import TYPE_CHECKING

from bayes_mtl.plots._heatmap import heatmap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_affinity(affinity: "pd.DataFrame", ax: "Axes | None" = None) -> "Figure":
    """Affinities between tasks: how much a step on one task lowers the loss of another.

    Parameters
    ----------
    affinity
        A row for each task whose step is taken, a column for each task whose loss is looked at; above 0 the
        step helps. Not symmetric, so tasks keep their order.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, columns = [str(name) for name in affinity.index], [str(name) for name in affinity.columns]
    return heatmap(
        affinity.to_numpy(float),
        rows,
        columns,
        names=("a step on", "changes the loss of"),
        label="relative fall of the loss",
        most=None,
        ax=ax,
    )
