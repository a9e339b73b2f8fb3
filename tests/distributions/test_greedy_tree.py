"""The greedy tree: its best duration against a search, and well separated trees recovered."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from bayes_mtl.distributions import KingmanTree, clades, greedy_tree


def test_the_first_duration_is_the_most_probable_one() -> None:
    size, variance = 3, 0.2
    for distance in (0.5, 3.0, 10.0):
        means = torch.tensor([[0.0] * size, [distance] + [0.0] * (size - 1)], dtype=torch.float64)
        tree = greedy_tree(means, torch.full((2,), variance, dtype=torch.float64), torch.eye(size).double())

        def loss(time: float, far: float = distance) -> float:
            sd = np.sqrt(2 * variance + 2 * time)
            return float(time - norm.logpdf([far] + [0.0] * (size - 1), scale=sd).sum())

        best = minimize_scalar(loss, bounds=(0, 50), method="bounded", options={"xatol": 1e-10}).x
        # the search stops within 1e-6; the clip leaves a thousandth of the mean duration
        assert abs(float(tree[0, 2]) - max(best, 1e-3)) < 2e-6


def test_planted_clades_are_found_and_times_rise() -> None:
    found = 0
    for seed in range(20):
        torch.manual_seed(seed)
        centers = 5 * torch.randn(3, 4, dtype=torch.float64)
        means = centers.repeat_interleave(4, 0) + 0.1 * torch.randn(12, 4, dtype=torch.float64)
        covariance = torch.tensor([[1.0, 0.3, 0, 0], [0.3, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]).double()
        tree = greedy_tree(means, torch.full((12,), 0.01, dtype=torch.float64), covariance)
        assert bool(KingmanTree(12).support.check(tree))
        assert (tree[:, 2].diff() > 0).all()
        sets = {tuple(row.nonzero().flatten().tolist()) for row in clades(tree)}
        found += {(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)} <= sets
    assert found == 20
