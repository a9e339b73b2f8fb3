"""Kingman's coalescent against Pyro's times, exact pair frequencies and a brute-force kernel."""

import math

import pyro
import pytest
import torch
from pyro.distributions import CoalescentTimes
from torch import Tensor

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import KingmanTree, clades, lca_times, tree_kernel


@pytest.fixture(autouse=True)
def seeded() -> None:
    pyro.set_rng_seed(0)


@pytest.mark.parametrize("tasks", [2, 3, 8])
def test_density_of_the_times_is_that_of_pyro(tasks: int) -> None:
    tree = KingmanTree(tasks).sample(torch.Size([50])).double()
    found = KingmanTree(tasks).log_prob(tree)
    # Pyro's density is of the times alone, forward in time: every merger has binom(k, 2) topologies.
    times = (-tree[..., 2]).sort(-1).values
    expected = CoalescentTimes(torch.zeros(tasks, dtype=torch.float64)).log_prob(times)
    topologies = sum(math.log(math.comb(k, 2)) for k in range(2, tasks + 1))
    assert torch.allclose(found, expected - topologies, atol=1e-10)


def test_pairs_merge_uniformly_and_durations_are_exponential() -> None:
    number, tasks = 40_000, 4
    tree = KingmanTree(tasks).sample(torch.Size([number]))
    assert bool(KingmanTree(tasks).support.check(tree).all())
    first = tree[:, 0, 0] * tasks + tree[:, 0, 1]
    share = torch.stack([(first == i * tasks + j).float().mean() for i in range(4) for j in range(i + 1, 4)])
    # 4 standard errors of a frequency of 1/6 in 40,000 draws
    assert (share - 1 / 6).abs().max() < 4 * math.sqrt(5 / 36 / number)
    # Of 3 lineages left, 18 ranked trees in all: each is as likely as the others.
    kinds = (tree[:, :, 0] * 10 + tree[:, :, 1]).long()
    found, count = torch.unique(kinds, dim=0, return_counts=True)
    assert len(found) == 18
    assert (count / number - 1 / 18).abs().max() < 4.5 * math.sqrt(17 / 18**2 / number)  # 18 comparisons
    duration = torch.cat([tree[:, :1, 2], tree[:, :, 2].diff(dim=-1)], -1).mean(0)
    mean = torch.tensor([1 / 6, 1 / 3, 1.0])
    assert ((duration / mean - 1).abs() < 4 / math.sqrt(number)).all()  # sd of an exponential is its mean


def test_density_integrates_to_one() -> None:
    """Three tasks: three topologies, times by quadrature."""
    step = 0.01
    grid = torch.arange(step / 2, 14, step, dtype=torch.float64)
    first, second = torch.meshgrid(grid[:400], grid, indexing="ij")
    tree = torch.zeros(400, len(grid), 2, 3, dtype=torch.float64)
    tree[..., 0, :2], tree[..., 1, :2] = torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0])
    tree[..., 0, 2], tree[..., 1, 2] = first, first + second
    total = 3 * KingmanTree(3).log_prob(tree).exp().sum() * step**2
    # midpoint rule: relative error below (rate * step)^2 / 24 a dimension
    assert abs(float(total) - 1) < 1e-4


def test_shapes() -> None:
    law = KingmanTree(5)
    assert law.event_shape == (4, 3) and law.batch_shape == ()
    wide = law.expand([2, 1])
    value = wide.sample(torch.Size([7]))
    assert value.shape == (7, 2, 1, 4, 3)
    assert wide.log_prob(value).shape == (7, 2, 1)
    assert law.expand([3]).log_prob(law.sample()).shape == (3,)
    with pytest.raises(InputError, match="at least 2"):
        KingmanTree(1)


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 1, 0.5], [2, 3, 0.4]],  # times fall
        [[0, 1, 0.0], [2, 3, 0.4]],  # a merger at the leaves
        [[1, 0, 0.5], [2, 3, 0.6]],  # the larger child first
        [[0, 3, 0.5], [1, 2, 0.6]],  # a node before it was made
        [[0, 1, 0.5], [1, 2, 0.6]],  # a node joined twice
        [[0, 1, 0.5], [2, 3, math.inf]],
        [[0.5, 1, 0.5], [2, 3, 0.6]],
    ],
)
def test_what_is_no_tree_is_refused(rows: list[list[float]]) -> None:
    law = KingmanTree(3, validate_args=True)
    value = torch.tensor(rows, dtype=torch.float64)
    assert not bool(law.support.check(value))
    with pytest.raises(ValueError, match="support"):
        law.log_prob(value)


def brute_force(tree: Tensor, kappa: float) -> Tensor:
    """Walk from every leaf to the root, add up what two walks share."""
    tasks = len(tree) + 1
    parent = {int(child): tasks + k for k, row in enumerate(tree) for child in row[:2]}
    time = [0.0] * tasks + [float(row[2]) for row in tree]

    def branches(leaf: int) -> set[int]:
        walk, node = set(), leaf
        while node in parent:
            walk.add(node)
            node = parent[node]
        return walk

    kernel = torch.empty(tasks, tasks, dtype=torch.float64)
    for k in range(tasks):
        for other in range(tasks):
            shared = branches(k) & branches(other)
            kernel[k, other] = kappa + sum(time[parent[node]] - time[node] for node in shared)
    return kernel


@pytest.mark.parametrize("tasks", [2, 3, 12])
def test_kernel_is_the_shared_path_from_the_root(tasks: int) -> None:
    tree = KingmanTree(tasks).sample(torch.Size([2, 3])).double()
    kappa = torch.rand(2, 3, dtype=torch.float64)
    found = tree_kernel(tree, kappa)
    for i in range(2):
        for j in range(3):
            assert torch.allclose(found[i, j], brute_force(tree[i, j], float(kappa[i, j])), atol=1e-12)
    torch.linalg.cholesky(found)


def test_times_and_clades_of_a_tree_by_hand() -> None:
    tree = torch.tensor([[0.0, 3.0, 0.2], [1.0, 2.0, 0.5], [4.0, 5.0, 1.1]], dtype=torch.float64)
    expected = torch.tensor([[0, 1.1, 1.1, 0.2], [1.1, 0, 0.5, 1.1], [1.1, 0.5, 0, 1.1], [0.2, 1.1, 1.1, 0]])
    assert torch.allclose(lca_times(tree), expected.double(), atol=1e-7)  # float32 in the table
    assert clades(tree).int().tolist() == [[1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]]


def test_kernel_is_differentiable_in_the_times() -> None:
    tree = KingmanTree(5).sample().double()

    def kernel(time: Tensor) -> Tensor:
        return tree_kernel(torch.cat([tree[:, :2], time.unsqueeze(-1)], -1), 0.5)

    assert torch.autograd.gradcheck(kernel, tree[:, 2].clone().requires_grad_())
