"""How different experts are, as a map."""

from typing import TYPE_CHECKING

from bayes_mtl.diagnostics import Diversity
from bayes_mtl.plots._heatmap import heatmap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_diversity(diversity: Diversity, ax: "Axes | None" = None) -> "Figure":
    """Distances between the outputs of every two experts, the largest being 1.

    Parameters
    ----------
    diversity
        What `expert_diversity` returns.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The title has the score, the mean of all entries.
    """
    names = [str(i) for i in range(len(diversity.matrix))]
    figure = heatmap(
        diversity.matrix,
        names,
        names,
        names=("expert", "expert"),
        label="distance of outputs, relative to the largest",
        most=1.0,
        ax=ax,
    )
    axes = figure.axes[0] if ax is None else ax
    axes.set_title(
        f"score {diversity.score:.3f} ({diversity.off_diagonal:.3f} off the diagonal)", fontsize=10
    )
    return figure
