"""The move between topologies: its evidence is exact, and without data it samples the coalescent."""

import math

import numpy as np
import pyro
import pytest
import torch

from bayes_mtl.distributions import KingmanTree, TreeMessages
from bayes_mtl.inference import _regraft
from tests.distributions.test_tree_messages import example


@pytest.mark.parametrize("kappa", [None, 0.0])
@pytest.mark.parametrize("tasks", [2, 3, 7])
def test_the_evidence_of_every_place_is_that_of_the_whole_tree(tasks: int, kappa: float | None) -> None:
    given = example(tasks, 3, 5, kappa)
    variance = given.kappa.expand(5)
    _, _, leaves = given.white()
    random = np.random.default_rng(1)
    for _ in range(4):
        cut = _regraft._Cut.at_random(given.tree.numpy(), random)
        branch, time = _regraft._places(cut, 6, random)
        found = _regraft._log_evidence(cut, branch, time, leaves, variance)
        whole = []
        for k in range(6):
            tree = torch.from_numpy(_regraft._joined(cut, branch[:, k], time[:, k]))
            assert bool(KingmanTree(tasks).support.check(tree).all())
            whole.append(
                TreeMessages(tree, variance, given.mean, given.root, given.precision, given.pull).log()
            )
        expected = torch.stack(whole, 1).numpy()
        # up to a constant for each tree
        assert np.allclose(found - found[:, :1], expected - expected[:, :1], atol=1e-8)


def test_putting_the_subtree_back_gives_the_tree_it_came_from() -> None:
    pyro.set_rng_seed(0)
    tree = KingmanTree(9).sample(torch.Size([20])).double().numpy()
    cut = _regraft._Cut.at_random(tree, np.random.default_rng(0))
    assert np.array_equal(_regraft._joined(cut, cut.sibling, cut.time[cut.every, cut.joint]), tree)


def test_without_data_the_coalescent_stays_and_every_tree_becomes_one() -> None:
    number, tasks = 6_000, 4
    start = torch.tensor([[0.0, 1.0, 0.1], [2.0, 4.0, 0.2], [3.0, 5.0, 9.0]], dtype=torch.float64)
    tree = start.expand(number, -1, -1).clone().numpy()
    silent, kappa = torch.zeros(number, tasks, 1, 2, dtype=torch.float64), torch.ones(number).double()
    random = np.random.default_rng(0)
    for _ in range(25):
        tree, _ = _regraft.regraft(tree, silent, kappa, 4, random)
    _, count = np.unique(tree[..., :2].reshape(number, -1), axis=0, return_counts=True)
    assert len(count) == 18  # ranked trees of four leaves
    # 4.5 Monte-Carlo standard errors of 6,000 independent chains; 18 + 3 comparisons
    assert np.abs(count / number - 1 / 18).max() < 4.5 * math.sqrt(17 / 18**2 / number)
    duration = np.diff(tree[..., 2], axis=1, prepend=0.0).mean(0)
    assert (np.abs(duration / [1 / 6, 1 / 3, 1.0] - 1) < 4.5 / math.sqrt(number)).all()
