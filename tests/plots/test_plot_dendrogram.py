from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_mtl import Posterior
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.datasets import tree_tasks
from bayes_mtl.plots import plot_dendrogram
from bayes_mtl.posterior import credible_tree
from bayes_mtl.priors import LatentHierarchy
from tests.plots.posteriors import DRAWS, gaussian_data, posterior


def on_one_tree(tasks: int, groups: int) -> Posterior:
    """Half of the draws have the tree of `tree_tasks`, the others one of the prior's."""
    given = posterior(gaussian_data(tasks, rows=2), LatentHierarchy())
    tree = tree_tasks(tasks=tasks, rows=1, features=1, groups=groups)[1].tree
    assert tree is not None
    trees = given.draws["tree"].clone()
    trees[: 3 * DRAWS // 4] = torch.as_tensor(tree).float()
    return replace(given, draws={**given.draws, "tree": trees})


def test_leaves_support_and_times(drawn: Callable[[Figure], Axes]) -> None:
    given = on_one_tree(5, 2)
    axes = drawn(plot_dendrogram(given))
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(names) == list(given.tasks)
    tree = credible_tree(given)
    for members in tree.members:  # no branches cross: each group is a run of names
        places = sorted(names.index(given.tasks[t]) for t in np.flatnonzero(members))
        assert places == list(range(places[0], places[0] + len(places)))
    assert len(axes.texts) >= 3 and all(0.5 < float(text.get_text()) <= 1 for text in axes.texts)
    assert axes.get_xlim()[0] > axes.get_xlim()[1]  # the tasks are on the right
    (dots,) = axes.collections[-1:]
    assert np.asarray(dots.get_array()).max() == 1.0


def test_100_tasks_are_all_named(drawn: Callable[[Figure], Axes]) -> None:
    figure = plot_dendrogram(on_one_tree(100, 8))
    axes = drawn(figure)
    assert len(axes.get_yticklabels()) == 100
    assert max(figure.get_size_inches()) <= 14


def test_a_tree_of_choice_on_given_axes(drawn: Callable[[Figure], Axes]) -> None:
    from matplotlib.pyplot import close, subplots

    given = on_one_tree(6, 3)
    figure, (left, right) = subplots(1, 2)
    assert plot_dendrogram(given, credible_tree(given), ax=right) is figure
    assert not left.collections and len(right.texts) == 4  # six tasks, five mergers, the root without
    with pytest.raises(InputError, match="tree"):
        plot_dendrogram(posterior(gaussian_data(3), LatentHierarchy()), credible_tree(given))
    close(figure)


def test_a_prior_without_a_tree_says_what_to_use() -> None:
    with pytest.raises(UnsupportedError, match="Hierarchical has no tree"):
        plot_dendrogram(posterior(gaussian_data(3)))
