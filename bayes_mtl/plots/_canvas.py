"""Where a plot is drawn: on the axes that were given, or on a figure of its own."""

from typing import TYPE_CHECKING, Literal

from bayes_mtl._errors import InputTypeError, message

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(
    width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained"
) -> "Figure":
    """An empty figure, inches, whose parts make room for each other (compressed: also for square axes)."""
    from bayes_mtl.plots._notebook_figure import NotebookFigure

    return NotebookFigure(figsize=(width, height), layout=layout)


def canvas(
    ax: "Axes | None",
    width: float,
    height: float,
    layout: Literal["constrained", "compressed"] = "constrained",
) -> "tuple[Figure, Axes]":
    """The figure and the axes to draw on.

    Raises
    ------
    InputTypeError
        Where ``ax`` is something else, such as the array that ``subplots`` returns.
    """
    if ax is None:
        figure = new_figure(width, height, layout)
        return figure, figure.add_subplot()
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    if not isinstance(ax, Axes):
        raise InputTypeError(message("ax", "one Axes of Matplotlib", type(ax).__name__, "Pass one of them."))
    holder = ax.figure
    figure = holder.figure if isinstance(holder, SubFigure) else holder
    if not isinstance(figure, Figure):
        raise InputTypeError(message("ax", "Axes on a figure", "removed ones", "Make new ones."))
    return figure, ax
