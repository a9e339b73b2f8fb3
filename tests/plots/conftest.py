"""Every figure can be drawn, and pyplot knows of none."""

from collections.abc import Callable, Iterator
from io import BytesIO

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def pyplot_is_left_alone() -> Iterator[None]:
    assert plt.get_fignums() == []
    yield
    assert plt.get_fignums() == []


@pytest.fixture
def drawn() -> Callable[[Figure], Axes]:
    """Draw a figure, which warns of anything that does not fit, and return its first axes."""

    def draw(figure: Figure) -> Axes:
        assert isinstance(figure, Figure)
        figure.savefig(BytesIO(), format="png")
        return figure.axes[0]

    return draw
