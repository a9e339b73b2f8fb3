"""A figure that notebooks show by itself."""

from io import BytesIO

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A Matplotlib figure outside pyplot.

    pyplot would keep it alive, and show it a second time where it is the last value of a cell; a plain
    `Figure` is shown not at all before pyplot's backend is loaded. Hence its own picture for notebooks.
    """

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
