"""The modified Bessel function of the second kind against mpmath, and its derivatives."""

import mpmath
import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl.distributions import log_bessel_k

ORDERS = [0.0, -1e-3, 0.1, -0.5, 0.9, 1.0, 2.0, -3.3, 5.0, 20.0, 35.0, 60.0]
ARGUMENTS = list(np.geomspace(1e-3, 1e3, 13))
FEW, HALVES = [0.1, 0.9, 3.3], [-0.5, 2.5, 30.5, 100.5, -250.5, 1000.5]
SMALL = [1e-30, 1e-10, 1e-7, 0.9e-6, 1.1e-6, 1e-4]


def exact(orders: list[float], arguments: list[float], dtype: torch.dtype = torch.float64) -> np.ndarray:
    """Of the numbers as the dtype has them, in 30 digits."""
    rounded = torch.tensor(arguments, dtype=dtype).tolist(), torch.tensor(orders, dtype=dtype).tolist()
    with mpmath.workdps(30):
        values = [[mpmath.log(mpmath.besselk(order, z)) for z in rounded[0]] for order in rounded[1]]
    return np.array(values, dtype=float)


def exact_at_halves(orders: list[float], arguments: list[float], dtype: torch.dtype) -> np.ndarray:
    """The finite sum at half an odd number (Abramowitz and Stegun 10.2.15), where mpmath is slow."""
    rounded = torch.tensor(arguments, dtype=dtype).tolist()
    values = np.empty((len(orders), len(arguments)))
    with mpmath.workdps(30):
        for i, order in enumerate(orders):
            n = int(abs(order) - 0.5)
            for j, z in enumerate(rounded):
                term = total = mpmath.mpf(1)
                for k in range(1, n + 1):
                    term *= mpmath.mpf((n + k) * (n - k + 1)) / (2 * k * z)
                    total += term
                values[i, j] = mpmath.log(total * mpmath.sqrt(mpmath.pi / (2 * z))) - z
    return values


def found(orders: list[float], arguments: list[float], dtype: torch.dtype = torch.float64) -> np.ndarray:
    order, z = torch.tensor(orders, dtype=dtype)[:, None], torch.tensor(arguments, dtype=dtype)
    return log_bessel_k(order, z).double().numpy()


# float64: 2e-13 was seen, rounding of a logarithm of 1,000. float32: rounding of 60 * log(60 / 1e-3)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 5e-13), (torch.float32, 3e-4)])
def test_values(dtype: torch.dtype, error: float) -> None:
    expected = exact(ORDERS, ARGUMENTS, dtype)
    assert np.max(np.abs(found(ORDERS, ARGUMENTS, dtype) - expected)) < error


# float64: the neglected square of 1e-6. float32: rounding of the logarithm, up to 7e4
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 2e-11), (torch.float32, 3e-6)])
def test_high_orders_and_small_arguments(dtype: torch.dtype, error: float) -> None:
    expected = np.concatenate([exact(FEW, SMALL, dtype), exact_at_halves(HALVES, SMALL, dtype)])
    difference = np.abs(found(FEW + HALVES, SMALL, dtype) - expected)
    assert np.max(difference / np.maximum(1.0, np.abs(expected))) < error
    expected = exact_at_halves(HALVES, ARGUMENTS, dtype)
    difference = np.abs(found(HALVES, ARGUMENTS, dtype) - expected)
    assert np.max(difference / np.maximum(1.0, np.abs(expected))) < error


def test_order_one_half_is_closed_even_for_huge_arguments() -> None:
    z = torch.logspace(-300, 12, 40, dtype=torch.float64)
    half = torch.tensor(0.5, dtype=torch.float64)
    expected = 0.5 * torch.log(torch.pi / (2 * z.clamp_min(1e-290)))
    expected = expected + 0.5 * (z.clamp_min(1e-290).log() - z.log())
    # at 1e12 the nodes are 1e-6 apart, of which expm1(s) - s keeps ten digits
    assert torch.allclose(log_bessel_k(half, z, scaled=True), expected, rtol=1e-9, atol=1e-9)
    assert torch.allclose(log_bessel_k(half, z) + z, expected, rtol=0, atol=1e-3)


def test_zero_is_the_smallest_number() -> None:
    order = torch.tensor([0.0, 2.0], dtype=torch.float64)
    tiny = torch.full((2,), torch.finfo(torch.float64).tiny, dtype=torch.float64)
    assert torch.equal(log_bessel_k(order, torch.zeros_like(tiny)), log_bessel_k(order, tiny))


ORDER = torch.tensor([0.0, 1e-9, 0.3, -0.5, 2.0, -40.0, 300.0, 0.01, 5.0], dtype=torch.float64)
LOG_Z = torch.tensor([0.7, -2.0, 1.1, -5.0, -9.0, 4.0, 3.0, -7.0, 1.0], dtype=torch.float64)


@pytest.mark.parametrize("lower", [0.0, 20.0])  # nodes everywhere, and the closed continuation
def test_first_and_second_derivatives(lower: float) -> None:
    def by_log(order: torch.Tensor, log_z: torch.Tensor) -> torch.Tensor:
        return log_bessel_k(order, log_z.exp())

    inputs = (ORDER.clone().requires_grad_(), (LOG_Z - lower).requires_grad_())
    assert torch.autograd.gradcheck(by_log, inputs)
    assert torch.autograd.gradgradcheck(by_log, inputs)


def test_derivatives_against_mpmath() -> None:
    order, z = ORDER.clone().requires_grad_(), LOG_Z.exp().requires_grad_()
    by_order, by_z = torch.autograd.grad(log_bessel_k(order, z).sum(), (order, z))
    with mpmath.workdps(30):
        for i, (v, x) in enumerate(zip(order.tolist(), z.tolist(), strict=True)):
            k = mpmath.besselk(v, x)
            slope = -(mpmath.besselk(v - 1, x) + mpmath.besselk(v + 1, x)) / (2 * k)
            h = mpmath.mpf("1e-9")
            upper, lower = mpmath.besselk(v + h, x), mpmath.besselk(v - h, x)
            assert abs(float(by_z[i]) / slope - 1) < 1e-12
            # the quotient's own error is h^2
            assert abs(float(by_order[i]) - mpmath.log(upper / lower) / (2 * h)) < 1e-12


def test_captured_and_under_vmap_it_is_the_same() -> None:
    def slopes(order: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, ...]:
        order, z = order.detach().requires_grad_(), z.detach().requires_grad_()
        return torch.autograd.grad(log_bessel_k(order, z).sum(), (order, z))

    captured = make_fx(slopes)(ORDER, LOG_Z.exp())
    other = ORDER.flip(0), (0.5 * LOG_Z).exp()  # values that were not there at capture
    for one, two in zip(captured(*other), slopes(*other), strict=True):
        assert torch.equal(one, two)
    mapped = torch.func.vmap(torch.func.grad(log_bessel_k, argnums=(0, 1)))(*other)
    for one, two in zip(mapped, slopes(*other), strict=True):
        assert torch.allclose(one, two, rtol=1e-13, atol=1e-13)
