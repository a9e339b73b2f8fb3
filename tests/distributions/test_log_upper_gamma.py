"""The survival function of a gamma distribution against scipy, and its derivatives."""

import numpy as np
import pytest
import torch
from scipy.special import gammaincc, gammaln

from bayes_mtl.distributions import log_upper_gamma

A = np.geomspace(0.05, 100.0, 25)
X = np.geomspace(1e-6, 300.0, 40)


def grid(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    a, x = np.meshgrid(A, X, indexing="ij")
    return (
        torch.tensor(a, dtype=dtype).requires_grad_(),
        torch.tensor(x, dtype=dtype).requires_grad_(),
    )


# float64: the quadrature's own error was 3e-11 on this grid; float32: rounding of lgamma(100) = 359
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_values(dtype: torch.dtype, error: float) -> None:
    a, x = grid(dtype)
    value = log_upper_gamma(a, x).detach().double().numpy()
    expected = np.log(gammaincc(a.detach().double().numpy(), x.detach().double().numpy()))
    assert np.isfinite(value).all()
    # the smallest survival is exp(-305): relative to the larger of 1 and its logarithm
    assert np.max(np.abs(value - expected) / np.maximum(1.0, np.abs(expected))) < error


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-8), (torch.float32, 3e-3)])
def test_derivative_in_x_is_minus_the_hazard(dtype: torch.dtype, error: float) -> None:
    a, x = grid(dtype)
    (slope,) = torch.autograd.grad(log_upper_gamma(a, x).sum(), x)
    a64, x64 = a.detach().double().numpy(), x.detach().double().numpy()
    log_density = (a64 - 1) * np.log(x64) - x64 - gammaln(a64)
    expected = -x64 * np.exp(log_density) / gammaincc(a64, x64)
    # x times the slope: the derivative by log x, which is that by the predictor
    found = x64 * slope.double().numpy()
    assert np.max(np.abs(found - expected) / (1.0 + np.abs(expected))) < error


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-5), (torch.float32, 1e-2)])
def test_derivative_in_a_is_the_difference_quotient_of_scipy(dtype: torch.dtype, error: float) -> None:
    a, x = grid(dtype)
    (slope,) = torch.autograd.grad(log_upper_gamma(a, x).sum(), a)
    a64, x64 = a.detach().double().numpy(), x.detach().double().numpy()
    h = 1e-4 * a64
    expected = (np.log(gammaincc(a64 + h, x64)) - np.log(gammaincc(a64 - h, x64))) / (2 * h)
    # rounding of scipy's value (1e-14 |log|) over the step, and the step's error h^2, stay below
    assert np.max(np.abs(slope.double().numpy() - expected) / (1.0 + np.abs(expected))) < error


def test_gradcheck_and_broadcasting() -> None:
    a = torch.tensor([[0.3], [2.0], [40.0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.01, 1.0, 30.0, 80.0], dtype=torch.float64, requires_grad=True)
    assert log_upper_gamma(a, x).shape == (3, 4)
    assert torch.autograd.gradcheck(log_upper_gamma, (a, x))


def test_zero_survives_for_certain() -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    value = log_upper_gamma(torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64), x)
    assert torch.allclose(value, torch.zeros(3, dtype=torch.float64), atol=1e-9)
    assert torch.isfinite(torch.autograd.grad(value.sum(), x)[0]).all()


def test_exponential_has_survival_exp_minus_x_far_beyond_underflow() -> None:
    x = torch.tensor([1.0, 300.0, 5000.0], dtype=torch.float64)
    assert torch.allclose(log_upper_gamma(torch.ones(3, dtype=torch.float64), x), -x, rtol=1e-10)
