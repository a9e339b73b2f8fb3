"""Generalised inverse Gaussian: density, moments, draws and their derivatives, and the limits."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.distributions import GeneralizedInverseGaussian

ORDERS = (-3.2, -0.5, 0.0, 0.5, 1.0, 7.0)
SIZES = ((0.01, 0.02), (1.0, 1.0), (0.3, 40.0), (20.0, 0.5), (30.0, 30.0))
INSIDE = [(order, chi, phi) for order in ORDERS for chi, phi in SIZES]
NEAR = [(3.0, 1e-12, 2.0), (-3.0, 2.0, 1e-12), (0.4, 1e-6, 1.0), (-0.4, 1.0, 1e-6), (50.0, 2.0, 3.0)]
LIMITS = [(0.3, 0.0, 2.0), (1.0, 0.0, 5.0), (4.0, 0.0, 0.1), (60.0, 0.0, 2.0)]
LIMITS += [(-order, phi, chi) for order, chi, phi in LIMITS]
TRIPLES = (
    INSIDE
    + NEAR
    + LIMITS
    + [
        (-80.0, 3.0, 1.0),
        (0.0, 1e-3, 1e-3),
        (1.0, 900.0, 900.0),
        (200.0, 1.0, 400.0),
        (0.2, 0.0, 1.0),
        (-0.2, 1.0, 0.0),
        (0.0, 1e-9, 1.0),
    ]
)
GRADIENTS = [*INSIDE[::3], *NEAR[2:], LIMITS[2], LIMITS[6]]


def members(triples: list[tuple[float, float, float]]) -> GeneralizedInverseGaussian:
    return GeneralizedInverseGaussian(*torch.tensor(triples, dtype=torch.float64).unbind(-1))


def reference(order: float, chi: float, phi: float) -> object:
    if chi == 0:
        return stats.gamma(order, scale=2 / phi)
    if phi == 0:
        return stats.invgamma(-order, scale=chi / 2)
    return stats.geninvgauss(p=order, b=math.sqrt(chi * phi), scale=math.sqrt(chi / phi))


@cache
def log_range(order: float, chi: float, phi: float) -> np.ndarray:
    """Of ``log g``: the mode, and where the density has fallen by 60 nats on either side."""
    x = np.linspace(-500, 500, 50_001)
    log = order * x - 0.5 * chi * np.exp(-x) - 0.5 * phi * np.exp(x)
    seen = x[log > log.max() - 60]
    return np.array([seen[0], x[log.argmax()], seen[-1]])


def integral(order: float, chi: float, phi: float, low: float, high: float) -> float:
    """Of the unnormalised density of ``x = log g``, by Gauss-Legendre on 40 panels: no Bessel functions."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.linspace(low, high, 41)
    half = 0.5 * np.diff(edges)[:, None]
    x = edges[:-1, None] + half * (nodes + 1)
    return float((half * weights * np.exp(order * x - 0.5 * chi * np.exp(-x) - 0.5 * phi * np.exp(x))).sum())


def test_the_density_integrates_to_one() -> None:
    assert len(TRIPLES) == 50
    for triple in TRIPLES:
        one = GeneralizedInverseGaussian(*torch.tensor(triple, dtype=torch.float64))
        low, _, high = log_range(*triple)
        # the trapezoid rule: geometric convergence, and the ends are 60 nats down
        x = torch.linspace(low, high, 4001, dtype=torch.float64)
        total = torch.trapezoid((one.log_prob(x.exp()) + x).exp(), x)
        assert abs(float(total) - 1) < 1e-8, triple


@pytest.mark.parametrize("triple", [*INSIDE, *NEAR, *LIMITS])
def test_the_density_is_that_of_scipy(triple: tuple[float, float, float]) -> None:
    low, mode, high = log_range(*triple)
    g = np.exp(mode + np.array([-0.2, -0.02, 0.0, 0.03, 0.25]) * (high - low))
    found = GeneralizedInverseGaussian(*torch.tensor(triple, dtype=torch.float64))
    # 1e-8 is the bound on the density; scipy's own rounding is of the size of its logarithm
    expected = reference(*triple).logpdf(g)
    assert np.allclose(found.log_prob(torch.tensor(g)).numpy(), expected, rtol=1e-11, atol=1e-8)


def test_moments() -> None:
    d = members([*INSIDE, *NEAR, *LIMITS])
    for i, triple in enumerate([*INSIDE, *NEAR, *LIMITS]):
        low, _, high = log_range(*triple)
        order, chi, phi = triple
        total = integral(order, chi, phi, low, high)
        h = 1e-4
        by_order = math.log(
            integral(order + h, chi, phi, low, high) / integral(order - h, chi, phi, low, high)
        )
        assert math.isclose(float(d.mean_log[i]), by_order / (2 * h), rel_tol=1e-6, abs_tol=1e-6)
        for moment, power in ((d.mean, 1), (d.mean_inverse, -1)):
            if (phi if power > 0 else chi) == 0 and abs(order) <= 1:
                assert float(moment[i]) == math.inf
            else:
                # the tail of the moment is cut where that of the density is: 60 nats, or 45 at order 4
                expected = integral(order + power, chi, phi, low - 20, high + 20) / total
                assert math.isclose(float(moment[i]), expected, rel_tol=1e-8), triple
        if phi > 0 or order < -2:
            expected = integral(order + 2, chi, phi, low - 20, high + 20) / total - float(d.mean[i]) ** 2
            assert math.isclose(float(d.variance[i]), expected, rel_tol=1e-6), triple
        else:
            assert float(d.variance[i]) == math.inf


KS = [INSIDE[0], INSIDE[7], INSIDE[14], INSIDE[20], INSIDE[29], NEAR[1], NEAR[4], LIMITS[0], LIMITS[5]]


@pytest.mark.parametrize("triple", KS)
def test_draws_follow_the_density(triple: tuple[float, float, float]) -> None:
    d = GeneralizedInverseGaussian(*torch.tensor(triple, dtype=torch.float64))
    x = np.sort(d.sample((100_000,)).log().numpy())
    low, _, high = log_range(*triple)
    # the distribution function on a grid, linear between: its error is far below 1 / sqrt(100,000)
    grid = torch.linspace(low, high, 20_001, dtype=torch.float64)
    density = (d.log_prob(grid.exp()) + grid).exp()
    cdf = np.interp(x, grid.numpy(), torch.cat([grid[:1] * 0, torch.cumulative_trapezoid(density, grid)]))
    # Kolmogorov-Smirnov of 100,000 draws: rejects at 1 in 10,000
    assert stats.kstest(cdf, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("triple", GRADIENTS)
def test_derivatives_of_draws_are_those_of_the_quantile_function(triple: tuple[float, ...]) -> None:
    values = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in triple]
    draws = GeneralizedInverseGaussian(*values).rsample((12,))
    low, mode, high = log_range(*triple)

    def tail(x: float, parameters: list[float]) -> float:
        """``F`` left of the mode, ``F - 1`` right of it: small numbers keep their digits."""
        total = integral(*parameters, low - 5, high + 5)
        part = integral(*parameters, low - 5, x) if x < mode else -integral(*parameters, x, high + 5)
        return part / total

    for draw in draws:
        found = torch.autograd.grad(draw, values, retain_graph=True)
        g = draw.item()
        x, total = math.log(g), integral(*triple, low, high)
        order, chi, phi = triple
        density = math.exp(order * x - 0.5 * chi * math.exp(-x) - 0.5 * phi * math.exp(x)) / total
        for i in range(3):
            if triple[i] == 0 and i > 0:
                continue  # two-sided differences do not exist
            h = 1e-4 * (max(abs(order), 0.1) if i == 0 else triple[i])
            upper, lower = list(triple), list(triple)
            upper[i], lower[i] = triple[i] + h, triple[i] - h
            # at fixed u = F(x; parameter): dx / d parameter = -(dF / d parameter) / (dF / dx)
            slope = -(tail(x, upper) - tail(x, lower)) / (2 * h) / density * g
            # the quotient's own error is 1e-8 of the third derivative
            assert math.isclose(float(found[i]), slope, rel_tol=3e-6, abs_tol=1e-9 * g), (x, i)


def test_derivatives_at_a_limit_are_those_of_torchs_gamma() -> None:
    concentration = torch.tensor([0.3, 2.0, 30.0], dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    draws = GeneralizedInverseGaussian(concentration, 0.0, 2.0 * rate).rsample((50,))
    # the derivative of the very same draws, from torch
    with torch.no_grad():
        standard = draws * rate
    expected = torch._standard_gamma_grad(concentration.detach().expand_as(standard), standard) / rate
    (found, by_rate) = torch.autograd.grad(draws.sum(), (concentration, rate))
    # torch's own series and fits are good to about 1e-4
    assert torch.allclose(found, expected.sum(0), rtol=1e-3)
    assert torch.isclose(by_rate, -(draws / rate).sum(), rtol=1e-10)


def test_density_gradients_inside_and_at_the_limits() -> None:
    g = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)

    def density(*parameters: torch.Tensor) -> torch.Tensor:
        return GeneralizedInverseGaussian(*parameters, validate_args=False).log_prob(g)

    inside = torch.tensor([[-3.0, 0.0, 5.0], [0.1, 1.0, 20.0], [2.0, 3.0, 1e-3]], dtype=torch.float64)
    assert torch.autograd.gradcheck(density, [each.requires_grad_() for each in inside])
    # from the limit to a little inside: one step of the one-sided derivative, its error the square
    for order, at in ((3.0, 1), (-3.0, 2)):
        values = [torch.tensor(v, dtype=torch.float64) for v in (order, 2.0, 2.0)]
        values[at] = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        limit = density(*values)
        (slope,) = torch.autograd.grad(limit.sum(), values[at])
        values[at] = torch.tensor(1e-6, dtype=torch.float64)
        assert torch.allclose(density(*values), limit, atol=1e-5)
        step = (density(*values) - limit).sum() / 1e-6
        assert torch.isclose(step, slope, rtol=1e-4)


def test_float32_is_close_to_float64() -> None:
    triples = [*INSIDE, *NEAR, *LIMITS]
    wide = members(triples)
    narrow = GeneralizedInverseGaussian(*torch.tensor(triples).unbind(-1))
    g = wide.mean_log.exp()
    difference = narrow.log_prob(g.float()).double() - wide.log_prob(g)
    # rounding of sums of terms of up to 60 * log(1e12): 24 bits of 1,700
    assert difference.abs().max() < 1e-3
    draws = narrow.sample((10,))
    assert draws.dtype == torch.float32 and torch.isfinite(draws).all() and (draws > 0).all()


def test_captured_it_draws_and_differentiates_the_same() -> None:
    def step(order: torch.Tensor, chi: torch.Tensor, phi: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parameters = [each.detach().requires_grad_() for each in (order, chi, phi)]
        d = GeneralizedInverseGaussian(*parameters, validate_args=False)
        draw = d.rsample((3,))
        return draw, *torch.autograd.grad((draw.log() + d.log_prob(draw)).sum(), parameters)

    first = torch.tensor([TRIPLES[3], TRIPLES[30], TRIPLES[36]], dtype=torch.float64).unbind(-1)
    other = torch.tensor([TRIPLES[36], TRIPLES[8], TRIPLES[20]], dtype=torch.float64).unbind(-1)
    captured = make_fx(step)(*first)
    torch.manual_seed(3)
    found = captured(*other)
    torch.manual_seed(3)
    for one, two in zip(found, step(*other), strict=True):
        assert torch.allclose(one, two, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_shapes_and_expanding() -> None:
    d = GeneralizedInverseGaussian(torch.zeros(3, 1), torch.ones(4), 2.0)
    assert d.batch_shape == (3, 4) and d.sample((5,)).shape == (5, 3, 4)
    wide = d.expand((2, 3, 4))
    assert wide.batch_shape == (2, 3, 4) and wide.mean_log.shape == (2, 3, 4)
    value = wide.sample()
    assert torch.equal(wide.log_prob(value), d.log_prob(value)) and d.support.check(value).all()
    assert GeneralizedInverseGaussian(0.5, 1.0, 1.0).sample().dtype == torch.get_default_dtype()


@pytest.mark.parametrize(
    ("triple", "error"),
    [
        ((1.0, -1.0, 1.0), "chi: expected not negative, found -1"),
        ((1.0, 1.0, math.nan), "phi: expected not negative, found nan"),
        ((-1.0, 0.0, 1.0), "chi: expected positive, found 0 with order -1"),
        ((0.0, 1.0, 0.0), "phi: expected positive, found 0 with order 0"),
    ],
)
def test_parameters_that_are_no_distribution_are_refused(triple: tuple[float, ...], error: str) -> None:
    with pytest.raises(InputError, match=error):
        GeneralizedInverseGaussian(*triple)


def test_a_second_derivative_of_a_draw_is_refused() -> None:
    order = torch.tensor(1.0, requires_grad=True)
    draw = GeneralizedInverseGaussian(order, 1.0, 1.0).rsample()
    (slope,) = torch.autograd.grad(draw, order, create_graph=True)
    with pytest.raises(UnsupportedError, match="rsample: expected first derivatives"):
        torch.autograd.grad(slope + order, order)
