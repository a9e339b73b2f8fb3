"""The mixture of tasks against torch's own mixtures, and the three divergences against quadrature."""

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import TaskMixture, mixture_kl
from bayes_mtl.distributions._task_mixture import Divergence

SOURCES, FEATURES, OUTPUTS = 4, 3, 2


def parts(tasks: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    mean = torch.randn(1, SOURCES, FEATURES, OUTPUTS, dtype=torch.float64)
    sd = torch.rand(1, SOURCES, FEATURES, OUTPUTS, dtype=torch.float64) + 0.2
    logits = torch.randn(tasks, SOURCES, OUTPUTS, dtype=torch.float64)
    logits[0, 1] = -torch.inf
    return mean, sd, logits.log_softmax(-2)


def test_density_is_that_of_one_mixture_for_each_output() -> None:
    mean, sd, logits = parts()
    value = torch.randn(7, 5, FEATURES, OUTPUTS, dtype=torch.float64)
    expected = torch.zeros(7, 5, dtype=torch.float64)
    for c in range(OUTPUTS):
        components = Independent(Normal(mean[..., c], sd[..., c]), 1).expand([5, SOURCES])
        expected += MixtureSameFamily(Categorical(logits=logits[..., c]), components).log_prob(value[..., c])
    mixture = TaskMixture(mean, sd, logits)
    assert mixture.batch_shape == (5,) and mixture.event_shape == (FEATURES, OUTPUTS)
    assert torch.allclose(mixture.log_prob(value), expected, rtol=1e-12)
    assert torch.allclose(mixture.expand([7, 5]).log_prob(value), expected, rtol=1e-12)


@pytest.mark.parametrize("divergence", ["mixture", "moments"])
def test_draws_have_its_moments(divergence: str) -> None:
    mixture = TaskMixture(*parts(), divergence)  # type: ignore[arg-type]
    draws = mixture.sample(torch.Size([20_000]))
    error = 6 * mixture.variance.sqrt() / 20_000**0.5
    # 6 Monte-Carlo standard errors: 60 entries are compared
    assert ((draws.mean(0) - mixture.mean).abs() <= error).all()
    squares = (draws - mixture.mean).square()
    assert ((squares.mean(0) - mixture.variance).abs() <= 6 * squares.std(0) / 20_000**0.5).all()


def test_draws_of_the_convex_pool_follow_its_density_up_to_a_constant() -> None:
    mixture = TaskMixture(*parts(1), "convex")
    draws = mixture.sample(torch.Size([20_000])).squeeze(1)
    own = Normal(draws.mean(0), draws.std(0)).log_prob(draws).sum((-2, -1))
    ratio = mixture.log_prob(draws.unsqueeze(1)).squeeze(1) - own
    # the pool of Gaussians is one Gaussian: the ratio is constant but for the error of its estimated moments
    assert ratio.std() < 0.1


@pytest.mark.parametrize(
    ("divergence", "expected"), [("mixture", 0.676), ("convex", 6.25), ("moments", 6.40)]
)
def test_the_three_divergences_are_far_apart(divergence: Divergence, expected: float) -> None:
    one, half = torch.ones(1), torch.full((2,), 0.5)
    means = torch.tensor([[0.0], [5.0]])
    found = mixture_kl(
        torch.zeros(1), one, means, torch.ones(2, 1), half, divergence=divergence, draws=200_000
    )
    # 4 Monte-Carlo standard errors of 200,000 draws are 0.002; the closed forms are given to two decimals
    assert abs(float(found) - expected) < 0.01


def test_the_true_divergence_is_the_integral() -> None:
    means, sds, weights = (-0.5, 1.5), (0.7, 1.2), (0.3, 0.7)

    def integrand(x: float) -> float:
        log_p = torch.tensor([w * norm.pdf(x, m, s) for w, m, s in zip(weights, means, sds, strict=True)])
        return float(norm.pdf(x, 0.2, 0.9) * (norm.logpdf(x, 0.2, 0.9) - float(log_p.sum().log())))

    expected = quad(integrand, -8, 8)[0]
    found = mixture_kl(
        torch.tensor([0.2]),
        torch.tensor([0.9]),
        torch.tensor(means)[:, None],
        torch.tensor(sds)[:, None],
        torch.tensor(weights),
        draws=400_000,
    )
    # 5 Monte-Carlo standard errors: the log ratio has a standard deviation of about 0.6
    assert abs(float(found) - expected) < 5 * 0.6 / 400_000**0.5


def test_the_convex_bound_is_one() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        arguments = torch.randn(3), torch.rand(3) + 0.3, torch.randn(4, 3), torch.rand(4, 3) + 0.3
        weights = torch.randn(4).softmax(0)
        true = mixture_kl(*arguments, weights, draws=20_000)
        assert true < mixture_kl(*arguments, weights, divergence="convex")


def test_other_names_are_refused(unchecked: None) -> None:
    with pytest.raises(InputError, match="divergence: expected one of"):
        TaskMixture(*parts(), "other")  # type: ignore[arg-type]
