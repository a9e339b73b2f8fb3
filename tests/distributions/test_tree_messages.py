"""Message passing against the dense Gaussian with the tree's kernel."""

import pyro
import pytest
import torch
from torch import Tensor

from bayes_mtl.distributions import KingmanTree, TreeMessages, tree_kernel


def example(tasks: int, size: int, draws: int = 3, kappa: float | None = None) -> TreeMessages:
    pyro.set_rng_seed(tasks)
    double = torch.float64
    design = torch.randn(tasks, 2, size, dtype=double)  # two rows a task: singular precisions
    design[0] = 0.0  # and a task without rows
    root = torch.randn(draws, size, size, dtype=double).tril(-1) + torch.eye(size, dtype=double)
    return TreeMessages(
        tree=KingmanTree(tasks).sample(torch.Size([draws])).double(),
        kappa=torch.rand(draws, dtype=double) if kappa is None else torch.tensor(kappa, dtype=double),
        mean=torch.randn(draws, size, dtype=double),
        root=root,
        precision=design.mT @ design,
        pull=(design.mT @ torch.randn(tasks, 2, 1, dtype=double)).squeeze(-1),
    )


def dense(given: TreeMessages) -> tuple[Tensor, Tensor, Tensor]:
    """Log evidence, posterior mean and covariance by one system of all weights."""
    kernel = tree_kernel(given.tree, given.kappa)
    covariance = given.root @ given.root.mT
    tasks, size = given.pull.shape
    prior = torch.einsum("...ts,...ij->...tisj", kernel, covariance)
    prior = prior.reshape(-1, tasks * size, tasks * size)
    mean = given.mean.repeat(1, tasks)
    precision = torch.block_diag(*given.precision)
    pull = given.pull.reshape(-1)
    inverse = torch.linalg.inv(prior)
    posterior = torch.linalg.inv(inverse + precision)
    total = (inverse @ mean.unsqueeze(-1)).squeeze(-1) + pull
    center = (posterior @ total.unsqueeze(-1)).squeeze(-1)
    log = 0.5 * (torch.logdet(posterior) - torch.logdet(prior))
    log = log + 0.5 * (total * center).sum(-1) - 0.5 * (mean * (inverse @ mean.unsqueeze(-1))[..., 0]).sum(-1)
    return log, center, posterior


@pytest.mark.parametrize(("tasks", "size"), [(2, 1), (3, 4), (20, 5)])
def test_evidence_and_means_equal_the_dense_system(tasks: int, size: int) -> None:
    given = example(tasks, size)
    log, center, _ = dense(given)
    assert torch.allclose(given.log(), log, atol=1e-8, rtol=1e-8)
    assert torch.allclose(given.leaf_means().reshape(3, -1), center, atol=1e-8)


def test_a_known_root_is_no_special_case() -> None:
    given = example(6, 2, kappa=0.0)
    log, center, _ = dense(given)
    assert torch.allclose(given.log(), log, atol=1e-8)
    assert torch.allclose(given.leaf_means().reshape(3, -1), center, atol=1e-8)


def test_draws_have_the_posterior_moments() -> None:
    one = example(4, 2, draws=1)
    _, center, covariance = dense(one)
    number = 20_000
    many = TreeMessages(
        one.tree.expand(number, -1, -1), one.kappa, one.mean, one.root, one.precision, one.pull
    )
    drawn = many.draw().reshape(number, -1)
    sd = covariance[0].diagonal().sqrt()
    # 4.5 Monte-Carlo standard errors of 20,000 draws; 8 means and 36 products compared
    assert ((drawn.mean(0) - center[0]).abs() / sd).max() < 4.5 / number**0.5
    found = drawn.T.cov() / (sd[:, None] * sd)
    assert (found - covariance[0] / (sd[:, None] * sd)).abs().max() < 4.5 * (2 / number) ** 0.5


def test_gradient_is_that_of_finite_differences() -> None:
    given = example(5, 2, draws=2)

    def log(
        time: Tensor, kappa: Tensor, mean: Tensor, root: Tensor, precision: Tensor, pull: Tensor
    ) -> Tensor:
        tree = torch.cat([given.tree[..., :2], time.unsqueeze(-1)], -1)
        return TreeMessages(tree, kappa, mean, root, precision + precision.mT, pull).log()

    half = 0.5 * given.precision + 0.1 * torch.eye(2, dtype=torch.float64)
    parts = (given.tree[..., 2], given.kappa, given.mean, given.root, half, given.pull)
    arguments = tuple(part.clone().requires_grad_() for part in parts)
    assert torch.autograd.gradcheck(log, arguments)
