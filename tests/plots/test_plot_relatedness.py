from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.plots import plot_relatedness
from bayes_mtl.plots._plot_relatedness import meaning, related_order
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, TaskClustering, TaskCovariance
from tests.plots.posteriors import gaussian_data, posterior


@dataclass(frozen=True)
class Silent(Independent):
    """Redefines what relatedness is and does not say so."""

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        return torch.ones(1, dims.tasks, dims.tasks)


def names_of(axes: Axes, which: str) -> list[str]:
    ticks = axes.get_xticklabels() if which == "x" else axes.get_yticklabels()
    return [label.get_text() for label in ticks]


def test_blocks_come_together() -> None:
    rng = np.random.default_rng(0)
    block = rng.permutation(np.repeat(np.arange(4), 10))
    values = np.where(block[:, None] == block, 0.9, 0.1) + 0.02 * rng.normal(size=(40, 40))
    values = (values + values.T) / 2
    found = block[related_order(values)]
    assert (np.diff(found) != 0).sum() == 3  # four blocks, three borders


def test_what_cannot_be_related_stays_apart() -> None:
    kind = np.array([0, 1, 0, 1, 0, 1])
    values = np.where(kind[:, None] == kind, 0.0, np.nan)
    np.fill_diagonal(values, 1.0)
    assert (np.diff(kind[related_order(values)]) != 0).sum() == 1


def test_the_map_holds_the_posterior_means_in_the_order_of_its_names(
    drawn: Callable[[Figure], Axes],
) -> None:
    given = posterior(gaussian_data(6))
    axes = drawn(plot_relatedness(given))
    order = names_of(axes, "y")
    assert sorted(order) == list(given.tasks) and names_of(axes, "x") == order
    expected = given.relatedness().mean.loc[order, order].to_numpy()
    (image,) = axes.get_images()
    assert np.asarray(image.get_array()) == pytest.approx(expected)
    assert image.get_clim() == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("prior", "text", "limits"),
    [
        (Hierarchical(), "cosine of the deviations from the population's mean", (-1.0, 1.0)),
        (TaskClustering(clusters=2), "probability of belonging to the same cluster", (0.0, 1.0)),
        (TaskCovariance(), "correlation between tasks", (-1.0, 1.0)),
        (Silent(), "relatedness as Silent defines it", (0.0, 1.0)),
    ],
)
def test_the_colour_bar_says_what_the_numbers_mean(
    prior: AbstractTaskPrior, text: str, limits: tuple[float, float], drawn: Callable[[Figure], Axes]
) -> None:
    assert meaning(prior) == text
    figure = plot_relatedness(posterior(gaussian_data(4), prior))
    axes = drawn(figure)
    assert figure.axes[1].get_ylabel().replace("\n", " ") == text
    assert axes.get_images()[0].get_clim() == limits


def test_tasks_of_different_kinds_are_missing(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(4)
    binary = data.task >= 2
    data = replace(data, y=np.where(binary, (data.y > np.median(data.y)).astype(float), data.y))
    likelihood = Mixed({"school 002": Bernoulli(), "school 003": Bernoulli()}, default=Gaussian())
    axes = drawn(plot_relatedness(posterior(data, likelihood=likelihood)))
    values = np.ma.getmaskarray(np.ma.masked_invalid(axes.get_images()[0].get_array()))
    assert values.sum() == 8
    assert set(names_of(axes, "y")[:2]) in ({"school 000", "school 001"}, {"school 002", "school 003"})


def test_200_tasks_have_few_labels(drawn: Callable[[Figure], Axes]) -> None:
    figure = plot_relatedness(posterior(gaussian_data(200, rows=2)))
    axes = drawn(figure)
    assert 25 <= len(names_of(axes, "x")) <= 50
    assert "1 in 4 named" in axes.get_xlabel()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(right.x0 >= left.x1 for left, right in pairwise(boxes))
    assert max(figure.get_size_inches()) < 12


def test_two_chosen_tasks(drawn: Callable[[Figure], Axes]) -> None:
    axes = drawn(plot_relatedness(posterior(gaussian_data(5)), tasks=["school 001", "school 003"]))
    assert names_of(axes, "x") == ["school 001", "school 003"]
