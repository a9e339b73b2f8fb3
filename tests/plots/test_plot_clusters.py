from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl import Posterior
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.plots import plot_clusters
from bayes_mtl.priors import TaskClustering
from tests.plots.posteriors import gaussian_data, posterior


def clustered(tasks: int, clusters: int = 3) -> tuple[Posterior, np.ndarray]:
    """Task ``t`` belongs to cluster ``t % clusters`` with a probability that falls with ``t``."""
    given = posterior(gaussian_data(tasks, rows=2), TaskClustering(clusters=clusters))
    sure = 0.95 - 0.3 * np.arange(tasks) / tasks
    share = np.repeat(((1 - sure) / (clusters - 1))[:, None], clusters, 1)
    share[np.arange(tasks), np.arange(tasks) % clusters] = sure
    draws = torch.as_tensor(share).float().expand(given.number, -1, -1)
    return replace(given, draws={**given.draws, "assignment": draws}), share


def test_sorted_by_cluster_and_then_by_how_sure(drawn: Callable[[Figure], Axes]) -> None:
    given, share = clustered(7)
    axes = drawn(plot_clusters(given))
    order = [0, 3, 6, 1, 4, 2, 5]
    assert [label.get_text() for label in axes.get_yticklabels()] == [given.tasks[t] for t in order]
    assert np.asarray(axes.get_images()[0].get_array()) == pytest.approx(share[order], abs=1e-6)
    expected = share.sum(0)
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        f"{k}\n{expected[k]:.1f}" for k in range(3)
    ]
    assert {text.get_text() for text in axes.texts} >= {"0.95", f"{share[3, 0]:.2f}"}


def test_500_tasks(drawn: Callable[[Figure], Axes]) -> None:
    given, _ = clustered(500)
    figure = plot_clusters(given)
    axes = drawn(figure)
    assert 30 <= len(axes.get_yticklabels()) <= 60
    assert len(axes.texts) == 0  # no room for numbers
    assert max(figure.get_size_inches()) <= 12


def test_a_prior_without_clusters_says_what_to_use() -> None:
    with pytest.raises(UnsupportedError, match="Hierarchical does not assign tasks to clusters"):
        plot_clusters(posterior(gaussian_data(3)))


def test_kinds_of_tasks_have_clusters_of_their_own(drawn: Callable[[Figure], Axes]) -> None:
    data = gaussian_data(5)
    data = replace(data, y=np.where(data.task >= 3, (data.y > 0).astype(float), data.y))
    likelihood = Mixed({"school 003": Bernoulli(), "school 004": Bernoulli()}, default=Gaussian())
    given = posterior(data, TaskClustering(clusters=2), likelihood)
    names = [name for name, _ in given.program.kinds]
    shown = [drawn(plot_clusters(given, kind=name)) for name in names]
    assert sorted(len(axes.get_yticklabels()) for axes in shown) == [2, 3]
    assert [axes.get_title() for axes in shown] == names


def test_an_unknown_kind() -> None:
    with pytest.raises(InputError, match="kind"):
        plot_clusters(clustered(3)[0], kind="binomial")
