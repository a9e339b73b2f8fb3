"""Which experts each task uses, as a map."""

from typing import TYPE_CHECKING

from bayes_mtl.plots._heatmap import heatmap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_expert_use(use: "pd.DataFrame", ax: "Axes | None" = None) -> "Figure":
    """Mean gate of every task on every expert.

    Parameters
    ----------
    use
        What `expert_use` returns.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, columns = [str(name) for name in use.index], [str(name) for name in use.columns]
    return heatmap(
        use.to_numpy(float), rows, columns, names=("task", "expert"), label="mean gate", most=1.0, ax=ax
    )
