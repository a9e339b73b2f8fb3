"""Stick-breaking weights: density, draws, shapes."""

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad
from scipy.stats import beta, kstest

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import StickBreaking

CONCENTRATIONS = pytest.mark.parametrize("concentration", [0.5, 1.0, 3.0])


@pytest.mark.parametrize("concentration", [1.0, 3.0])  # no pole at the edge
def test_the_density_integrates_to_one(concentration: float) -> None:
    distribution = StickBreaking(torch.tensor(concentration, dtype=torch.float64), 3)

    def density(second: float, first: float) -> float:
        value = torch.tensor([first, second, 1 - first - second], dtype=torch.float64)
        return float(distribution.log_prob(value).exp())

    edge = 1e-9
    total, error = dblquad(density, edge, 1 - edge, edge, lambda first: 1 - first - edge, epsabs=1e-4)
    assert abs(total - 1) < error + 1e-6


@CONCENTRATIONS
def test_draws_follow_the_density(concentration: float) -> None:
    distribution = StickBreaking(concentration, 4)
    draws = distribution.sample((20_000,)).double()
    assert torch.allclose(draws.sum(-1), torch.ones(20_000, dtype=torch.float64), atol=1e-6)
    # the first weight is a stick of its own, and the share of the second in the rest another
    for stick in (draws[:, 0], draws[:, 1] / (1 - draws[:, 0])):
        # Kolmogorov-Smirnov of 20,000 draws: rejects at 1 in 10,000
        assert kstest(stick.numpy(), beta(1, concentration).cdf).pvalue > 1e-4
    error = draws.std(0) / len(draws) ** 0.5
    # 5 Monte-Carlo standard errors
    assert ((draws.mean(0) - distribution.mean).abs() < 5 * error).all()
    assert torch.isclose(distribution.mean.sum(), torch.tensor(1.0))


@CONCENTRATIONS
def test_the_density_is_that_of_the_sticks_and_the_jacobian(concentration: float) -> None:
    distribution = StickBreaking(torch.tensor(concentration, dtype=torch.float64), 4)
    sticks = torch.rand(3, dtype=torch.float64, requires_grad=True)

    def weights(sticks: torch.Tensor) -> torch.Tensor:
        left = torch.cat([torch.ones(1, dtype=torch.float64), (1 - sticks).cumprod(0)])
        return left[:3] * sticks

    jacobian = torch.autograd.functional.jacobian(weights, sticks)
    expected = beta(1, concentration).logpdf(sticks.detach().numpy()).sum() - float(jacobian.logdet())
    first = weights(sticks).detach()
    value = torch.cat([first, 1 - first.sum(0, keepdim=True)])
    assert np.isclose(float(distribution.log_prob(value)), expected, rtol=1e-12)


def test_expanding_repeats_it() -> None:
    distribution = StickBreaking(1.5, 3)
    wide = distribution.expand((2, 4))
    assert wide.batch_shape == (2, 4) and wide.event_shape == (3,)
    value = distribution.sample((2, 4))
    assert torch.allclose(wide.log_prob(value), distribution.log_prob(value))
    assert wide.sample((5,)).shape == (5, 2, 4, 3) and wide.mean.shape == (2, 4, 3)


def test_gradients_reach_the_concentration() -> None:
    concentration = torch.tensor(1.5, requires_grad=True)
    draw = StickBreaking(concentration, 3).rsample((50,))
    (by_draw,) = torch.autograd.grad(draw[:, 0].sum(), concentration)
    density = StickBreaking(concentration, 3).log_prob(draw.detach()).sum()
    (by_density,) = torch.autograd.grad(density, concentration)
    assert by_draw < 0 and torch.isfinite(by_density) and by_density != 0


def test_empty_components_have_finite_densities() -> None:
    value = torch.tensor([0.7, 0.3, 0.0, 0.0], requires_grad=True)
    density = StickBreaking(1.0, 4).log_prob(value)
    (gradient,) = torch.autograd.grad(density, value)
    assert torch.isfinite(density) and torch.isfinite(gradient).all()


def test_the_dtype_of_the_concentration_is_kept() -> None:
    assert StickBreaking(torch.tensor(1.0, dtype=torch.float64), 3).sample().dtype == torch.float64


def test_one_component_is_refused() -> None:
    with pytest.raises(InputError, match="components: expected at least 2"):
        StickBreaking(1.0, 1)
