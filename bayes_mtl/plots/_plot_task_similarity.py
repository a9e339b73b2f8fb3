"""Which tasks use the same experts, as a map with alike tasks side by side."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.plots._heatmap import heatmap
from bayes_mtl.plots._plot_relatedness import related_order

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_task_similarity(similarity: "pd.DataFrame", ax: "Axes | None" = None) -> "Figure":
    """Correlation of the tasks' use of experts; alike tasks are neighbours (average linkage).

    Parameters
    ----------
    similarity
        What `task_similarity` returns, or any symmetric table of tasks by tasks.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    values = similarity.to_numpy(float)
    order = related_order(values) if np.isfinite(values).any() else np.arange(len(values))
    names = [str(name) for name in similarity.index[order]]
    return heatmap(
        values[np.ix_(order, order)],
        names,
        names,
        names=("task", "task"),
        label="correlation of expert use",
        most=1.0,
        ax=ax,
    )
