"""Log-densities by matrix products against those by differences."""

import torch
from torch.distributions import Normal

from bayes_mtl.distributions import TaskMixture
from bayes_mtl.distributions._log_normals import log_normals


def direct(value: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    return Normal(mean.unsqueeze(-4), sd.unsqueeze(-4)).log_prob(value.unsqueeze(-3)).sum(-2)


def test_against_differences() -> None:
    value = torch.randn(2, 12, 7, 3, dtype=torch.float64)
    mean, sd = torch.randn(2, 5, 7, 3, dtype=torch.float64), torch.rand(2, 5, 7, 3, dtype=torch.float64) + 0.1
    torch.testing.assert_close(log_normals(value, mean, sd), direct(value, mean, sd), rtol=1e-10, atol=1e-10)


def test_float32_keeps_its_digits_far_from_zero() -> None:
    """Tasks that differ by their own sds, 50 sds from zero, 2,048 features: 2,048 (50)^2 eps would be 0.6."""
    torch.manual_seed(0)
    offset = 5.0 * torch.randn(2048, 2, dtype=torch.float64)
    mean = offset + 0.1 * torch.randn(20, 2048, 2, dtype=torch.float64)
    value, sd = mean + 0.1 * torch.randn_like(mean), torch.full_like(mean, 0.1)
    found, exact = log_normals(value.float(), mean.float(), sd.float()), direct(value, mean, sd)
    # rounding the inputs alone moves each square by 2 eps 5 / 0.1 of itself: 1e-5 of 2,048 times 3
    torch.testing.assert_close(found.double(), exact, rtol=3e-5, atol=0.1)


def test_a_mixture_of_many_tasks_has_the_same_density_as_of_few() -> None:
    torch.manual_seed(0)
    mean, sd = torch.randn(1, 13, 4, 3), torch.rand(1, 13, 4, 3) + 0.5
    logits, value = torch.randn(12, 13, 3).log_softmax(-2), torch.randn(12, 4, 3, requires_grad=True)
    together = TaskMixture(mean, sd, logits).log_prob(value)
    alone = torch.stack(
        [TaskMixture(mean, sd, logits[i : i + 1]).log_prob(value[i : i + 1]) for i in range(12)]
    ).squeeze(-1)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    (one,) = torch.autograd.grad(together.sum(), value)
    (other,) = torch.autograd.grad(alone.sum(), value)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
