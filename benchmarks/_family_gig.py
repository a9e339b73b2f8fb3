"""Distributions of sparse groups: errors against mpmath, scipy, quadrature, closed forms; and costs."""

import math
import time
from collections.abc import Callable
from functools import partial

import mpmath
import numpy as np
import torch
from scipy import special, stats
from torch import Tensor

from bayes_mtl.distributions import (
    GeneralizedInverseGaussian,
    MatrixGeneralizedHyperbolic,
    MatrixNormal,
    log_bessel_k,
)
from benchmarks._report import Report

DRAWS = 100_000
INSIDE = [
    (order, chi, phi)
    for order in (-3.2, -0.5, 0.0, 0.5, 1.0, 7.0)
    for chi, phi in ((0.01, 0.02), (1.0, 1.0), (0.3, 40.0), (20.0, 0.5), (30.0, 30.0), (1e-3, 1e-3))
]
NEAR = [(3.0, 1e-12, 2.0), (-3.0, 2.0, 1e-12), (0.4, 1e-6, 1.0), (-0.4, 1.0, 1e-6)]
LIMITS = [(0.3, 0.0, 2.0), (1.0, 0.0, 5.0), (4.0, 0.0, 0.1), (20.0, 0.0, 2.0), (60.0, 0.0, 2.0)]
LIMITS += [(-order, phi, chi) for order, chi, phi in LIMITS]
TRIPLES = INSIDE + NEAR + LIMITS


def run(report: Report, quick: bool) -> None:
    """All numbers; `quick` takes fewer of the arguments and parameters."""
    bessel(report, quick)
    every = 7 if quick else 1
    densities(report, TRIPLES[::every])
    draws(report, TRIPLES[::every])
    marginals(report)
    costs(report)


def bessel(report: Report, quick: bool) -> None:
    """Largest error of K (that of its logarithm) on the grid, and of both slopes."""
    orders = [0.0, 0.1, 0.5, 1.0, 2.0, 3.3, 5.0, 10.0, 20.0, 35.0, 60.0]
    arguments = np.geomspace(1e-3, 1e3, 7 if quick else 25).tolist()
    order, z = (torch.tensor(v, dtype=torch.float64) for v in (orders, arguments))
    order, z = (v.requires_grad_() for v in torch.meshgrid(order, z, indexing="ij"))
    value = log_bessel_k(order, z)
    by_order, by_z = torch.autograd.grad(value.sum(), (order, z))
    single = log_bessel_k(order.detach().float(), z.detach().float())
    errors = np.zeros(4)
    with mpmath.workdps(30):
        h = mpmath.mpf("1e-10")
        for at in np.ndindex(*order.shape):
            v, x = order[at].item(), z[at].item()
            k = mpmath.besselk(v, x)
            slope = -(mpmath.besselk(v - 1, x) + mpmath.besselk(v + 1, x)) / (2 * k)
            quotient = mpmath.log(mpmath.besselk(v + h, x) / mpmath.besselk(v - h, x)) / (2 * h)
            rounded = mpmath.log(mpmath.besselk(float(np.float32(v)), float(np.float32(x))))
            found = [value[at].item(), by_order[at].item(), by_z[at].item() / slope, single[at].item()]
            differences = [a - b for a, b in zip(found, (mpmath.log(k), quotient, 1, rounded), strict=True)]
            errors = np.maximum(errors, [abs(float(d)) for d in differences])
    case = "log K, |order|<=60, z 1e-3..1e3"
    names = "relative error of K", "error of slope by order", "rel. error of slope by z", "error, float32"
    for name, error in zip(names, errors, strict=True):
        report.add(case, "against mpmath", name, error)


def grid(order: float, chi: float, phi: float) -> Tensor:
    """``log g`` from 60 nats below the peak of its density to 60 nats below on the other side."""
    x = torch.linspace(-500.0, 500.0, 100_001, dtype=torch.float64)
    log = order * x - 0.5 * chi * (-x).exp() - 0.5 * phi * x.exp()
    seen = x[log > log.max() - 60]
    return torch.linspace(seen[0].item(), seen[-1].item(), 20_001, dtype=torch.float64)


def densities(report: Report, triples: list[tuple[float, float, float]]) -> None:
    """Integral over the whole range, and the density against scipy's."""
    normaliser = density = 0.0
    for triple in triples:
        order, chi, phi = triple
        distribution = GeneralizedInverseGaussian(*torch.tensor(triple, dtype=torch.float64))
        x = grid(*triple)
        log_density = distribution.log_prob(x.exp())
        total = torch.trapezoid((log_density + x).exp(), x)
        normaliser = max(normaliser, abs(total.item() - 1.0))
        if chi == 0:
            other = stats.gamma(order, scale=2 / phi)
        elif phi == 0:
            other = stats.invgamma(-order, scale=chi / 2)
        else:
            other = stats.geninvgauss(p=order, b=math.sqrt(chi * phi), scale=math.sqrt(chi / phi))
        kept = slice(0, None, 50)
        difference = log_density[kept].exp().numpy() / other.pdf(x[kept].exp().numpy()) - 1.0
        density = max(density, float(np.nanmax(np.abs(difference))))
    case = f"GIG, {len(triples)} triples"
    report.add(case, "quadrature", "error of the normaliser", normaliser)
    report.add(case, "scipy", "relative error of density", density)


def draws(report: Report, triples: list[tuple[float, float, float]]) -> None:
    """Kolmogorov-Smirnov tests, and derivatives of draws against those of the distribution function."""
    torch.manual_seed(0)
    values, errors = [], []
    for triple in triples:
        parameters = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in triple]
        x = grid(*triple)
        distribution = GeneralizedInverseGaussian(*parameters)
        with torch.no_grad():
            density = (distribution.log_prob(x.exp()) + x).exp()
            cdf = torch.cat([x.new_zeros(1), torch.cumulative_trapezoid(density, x)])
            log_draws = distribution.sample((DRAWS,)).log()
        values.append(stats.kstest(np.interp(log_draws, x, cdf), "uniform").pvalue)
        few = distribution.rsample((8,))
        for draw in few:
            slopes = torch.autograd.grad(draw, parameters, retain_graph=True)
            errors += [
                quantile_error(triple, draw.item(), i, slopes[i].item()) for i in range(3) if triple[i]
            ]
    case = f"GIG, {len(triples)} triples"
    report.add(case, f"{DRAWS} draws", "smallest KS p-value", min(values))
    report.add(
        case, f"{DRAWS} draws", "KS p-values below 0.01", np.mean(np.array(values) < 0.01) * 100, unit="%"
    )
    report.add(case, "quantile function", "rel. error of draws' slope", max(errors))


def quantile_error(triple: tuple[float, float, float], draw: float, index: int, slope: float) -> float:
    """Relative error of a draw's derivative, against ``-(dF / d parameter) / density`` by differences."""
    x, ends = math.log(draw), grid(*triple)
    nodes, weights = np.polynomial.legendre.leggauss(40)

    def integral(values: list[float], low: float, high: float) -> float:
        order, chi, phi = values
        edges = np.linspace(low, high, 41)
        half = 0.5 * np.diff(edges)[:, None]
        at = edges[:-1, None] + half * (nodes + 1)
        return float(
            (half * weights * np.exp(order * at - chi / 2 * np.exp(-at) - phi / 2 * np.exp(at))).sum()
        )

    low, high = ends[0].item() - 5.0, ends[-1].item() + 5.0
    left = integral(list(triple), low, x) < integral(list(triple), x, high)

    def tail(step: float) -> float:
        values = list(triple)
        values[index] += step
        part = integral(values, low, x) if left else -integral(values, x, high)
        return part / integral(values, low, high)

    h = 1e-4 * abs(triple[index])
    order, chi, phi = triple
    density = math.exp(order * x - chi / 2 / draw - phi / 2 * draw) / integral(list(triple), low, high)
    # a fourth-order quotient: its own error is of the order of 1e-13
    change = (8 * (tail(h) - tail(-h)) - (tail(2 * h) - tail(-2 * h))) / (12 * h)
    expected = -change / density * draw
    # relative changes of the draw by relative changes of the parameter
    slope, expected = slope * triple[index] / draw, expected * triple[index] / draw
    return abs(slope - expected) / (abs(expected) + 1e-3)


def marginals(report: Report) -> None:
    """The matrix distribution against quadrature over the precision, and against closed forms."""
    torch.manual_seed(0)
    largest = 0.0
    x = torch.linspace(-80.0, 80.0, 160_001, dtype=torch.float64)
    mixings = [(0.0, 1.0, 1.0), (0.5, 0.2, 3.0), (-2.0, 4.0, 0.1), (1.5, 0.0, 3.0), (-1.0, 2.0, 0.0)]
    for rows, columns in ((1, 1), (3, 2), (6, 5)):
        base = matrix_normal(rows, columns)
        value = base.loc + torch.tensor([0.01, 1.0, 20.0]).double()[:, None, None] * base.noise((3,))
        gaussian, count = base.log_prob(base.loc), rows * columns
        of_value = gaussian + 0.5 * count * x - 0.5 * base.squared_distance(value)[:, None] * x.exp()
        for order, chi, phi in mixings:
            log = order * x - 0.5 * chi * (-x).exp() - 0.5 * phi * x.exp()
            expected = (log - log.logsumexp(0) + of_value).logsumexp(-1)
            found = MatrixGeneralizedHyperbolic(base, order, chi, phi).log_prob(value)
            largest = max(largest, float((found - expected).abs().max()))
    report.add("generalised hyperbolic", "quadrature, 3 shapes", "error of log density", largest)
    for name, error in members().items():
        report.add("generalised hyperbolic", name, "error of log density", error)


def matrix_normal(rows: int, columns: int) -> MatrixNormal:
    tril = torch.randn(columns, columns).double().tril(-1) + torch.eye(columns).double()
    loc, factor = torch.randn(rows, columns).double(), torch.randn(rows, 2).double()
    return MatrixNormal(loc, tril, row_factor=factor, row_diagonal=torch.rand(rows).double() + 0.5)


def members() -> dict[str, float]:
    """Largest error of each named member against its closed form."""
    z, alpha, delta, shape = np.array([-7.0, -1.3, -0.2, 0.01, 0.4, 2.0, 12.0]), 1.4, 0.6, 0.8
    one = torch.ones(1, 1, dtype=torch.float64)
    base = MatrixNormal(0.0 * one, one, row_tril=one)
    points = torch.tensor(z)[:, None, None]
    power, size = shape - 0.5, np.abs(z)
    variance_gamma = power * np.log(size / (2 * alpha)) + np.log(special.kv(power, alpha * size))
    variance_gamma += 2 * shape * math.log(alpha) - 0.5 * math.log(math.pi) - math.lgamma(shape)
    inverse_gaussian = stats.norminvgauss(alpha * delta, 0.0, scale=delta)
    hyperbolic = stats.genhyperbolic(1.0, alpha * delta, 0.0, scale=delta)
    closed = {
        "Student-t": ((1.75, 0.0, 3.5), stats.t(3.5).logpdf(z)),
        "Laplace": ((-1.0, alpha**2, 0.0), stats.laplace(scale=1 / alpha).logpdf(z)),
        "variance gamma": ((-shape, alpha**2, 0.0), variance_gamma),
        "normal-inverse-Gaussian": ((0.5, alpha**2, delta**2), inverse_gaussian.logpdf(z)),
        "hyperbolic": ((-1.0, alpha**2, delta**2), hyperbolic.logpdf(z)),
    }
    errors = {
        name: float(
            np.abs(MatrixGeneralizedHyperbolic(base, *triple).log_prob(points).numpy() - expected).max()
        )
        for name, (triple, expected) in closed.items()
    }
    group, count = matrix_normal(3, 2), 6
    value = group.rsample((100,))
    radius = alpha * group.squared_distance(value).sqrt()
    log_area = math.log(2) + 0.5 * count * math.log(math.pi) - math.lgamma(0.5 * count)
    constant = log_area + math.lgamma(count) - count * math.log(alpha) + group.log_scale
    lasso = MatrixGeneralizedHyperbolic(group, -0.5 * (count + 1), alpha**2, 0.0).log_prob(value)
    errors["group lasso"] = float((lasso + radius + constant).abs().max())
    return errors


def costs(report: Report) -> None:
    """Microseconds an element at 1,000 elements, medians of 20."""

    for dtype in (torch.float64, torch.float32):
        o = torch.linspace(-5.0, 60.0, 1000, dtype=dtype).requires_grad_()
        z = torch.logspace(-3.0, 3.0, 1000, dtype=dtype).requires_grad_()
        gig, name = GeneralizedInverseGaussian(o, z, z), str(dtype).removeprefix("torch.")
        calls: dict[tuple[str, str], Callable[[], object]] = {
            ("log K", "value"): partial(log_bessel_k, o.detach(), z.detach()),
            ("log K", "value and both slopes"): lambda o=o, z=z: log_bessel_k(o, z).sum().backward(),
            ("GIG", "draw"): gig.sample,
            ("GIG", "draw with three slopes"): lambda gig=gig: gig.rsample().sum().backward(),
        }
        for (case, method), call in calls.items():
            report.add(f"{case}, {name}", method, "time an element", microseconds(call) / 1000, unit="µs")


def microseconds(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return 1e6 * float(np.median(seconds))
