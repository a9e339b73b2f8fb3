"""Matrix-variate generalised hyperbolic: quadrature over the precision, named members, draws, limits."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import MatrixGeneralizedHyperbolic, MatrixNormal

SHAPES = pytest.mark.parametrize("shape", [(1, 1), (3, 2), (6, 5)])
MIXINGS = [
    (0.0, 1.0, 1.0),
    (0.5, 0.2, 3.0),
    (-2.0, 4.0, 0.1),
    (1.5, 0.0, 3.0),
    (-1.0, 2.0, 0.0),
    (-9.0, 2.0, 0.0),
]


def base(rows: int, columns: int) -> MatrixNormal:
    generator = torch.Generator().manual_seed(rows)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    tril = normal(columns, columns).tril(-1) + torch.diag(normal(columns).exp())
    loc, factor = normal(rows, columns), normal(rows, 2)
    return MatrixNormal(loc, tril, row_factor=factor, row_diagonal=normal(rows).exp())


def standard(count: int = 1) -> MatrixNormal:
    one = torch.eye(count, dtype=torch.float64)
    return MatrixNormal(one.new_zeros(count, 1), one[:1, :1], row_tril=one)


def values(distribution: MatrixNormal) -> torch.Tensor:
    """The mean, and points from near it to far out."""
    scales = torch.tensor([0.01, 0.3, 1.0, 4.0, 50.0], dtype=torch.float64)[:, None, None]
    return distribution.loc + scales * distribution.noise((5,))


@SHAPES
@pytest.mark.parametrize("mixing", MIXINGS)
def test_the_density_is_the_integral_over_the_precision(
    shape: tuple[int, int], mixing: tuple[float, float, float]
) -> None:
    normal = base(*shape)
    order, chi, phi = mixing
    points = values(normal)
    found = MatrixGeneralizedHyperbolic(normal, order, chi, phi).log_prob(points).numpy()
    # In x = log g, by the trapezoid rule, the mixing density normalised by the same rule: no Bessel function.
    x = np.linspace(-80, 80, 160_001)
    mixing_log = order * x - 0.5 * chi * np.exp(-x) - 0.5 * phi * np.exp(x)
    step = x[1] - x[0]
    constant = special.logsumexp(mixing_log) + math.log(step)
    rows = normal.rows.factor @ normal.rows.factor.mT + torch.diag(normal.rows.diagonal)
    columns = normal.column_tril @ normal.column_tril.mT
    for value, log_density in zip(points.numpy(), found, strict=True):
        gaussian = stats.matrix_normal(normal.loc.numpy(), rows.numpy(), columns.numpy())
        top = gaussian.logpdf(normal.loc.numpy())
        delta = 2 * (top - gaussian.logpdf(value))
        count = shape[0] * shape[1]
        of_value = top + 0.5 * count * x - 0.5 * delta * np.exp(x)
        expected = special.logsumexp(mixing_log - constant + of_value) + math.log(step)
        assert abs(log_density - expected) < 1e-6  # the bound; 1e-9 was seen


def test_members() -> None:
    x = torch.tensor([-7.0, -1.3, -0.2, 0.01, 0.4, 2.0, 12.0], dtype=torch.float64)
    points, scale = x[:, None, None], 1.7
    root = torch.tensor([[scale]], dtype=torch.float64)
    one = MatrixNormal(torch.zeros(1, 1, dtype=torch.float64), root, row_tril=root / root)
    alpha, delta = 1.4, 0.6

    def density(order: float, chi: float, phi: float) -> np.ndarray:
        return MatrixGeneralizedHyperbolic(one, order, chi, phi).log_prob(points).numpy()

    z = x.numpy() / scale
    student = stats.t(3.5, scale=scale).logpdf(x)
    laplace = stats.laplace(scale=scale / alpha).logpdf(x)
    inverse_gaussian = stats.norminvgauss(alpha * delta, 0.0, scale=delta * scale).logpdf(x)
    hyperbolic = stats.genhyperbolic(1.0, alpha * delta, 0.0, scale=delta * scale).logpdf(x)
    # Madan, Carr and Chang (1998), symmetric, with gamma variances of shape 0.8 and rate alpha^2 / 2
    shape = 0.8
    gamma = (
        2 * shape * math.log(alpha) + (shape - 0.5) * np.log(np.abs(z) / (2 * alpha))
        + np.log(special.kv(shape - 0.5, alpha * np.abs(z)))
        - 0.5 * math.log(math.pi) - special.gammaln(shape) - math.log(scale)
    )  # fmt: skip
    assert np.allclose(density(1.75, 0.0, 3.5), student, atol=1e-10)
    assert np.allclose(density(-1.0, alpha**2, 0.0), laplace, atol=1e-10)
    assert np.allclose(density(0.5, alpha**2, delta**2), inverse_gaussian, atol=1e-10)
    assert np.allclose(density(-1.0, alpha**2, delta**2), hyperbolic, atol=1e-10)
    assert np.allclose(density(-shape, alpha**2, 0.0), gamma, atol=1e-10)


@SHAPES
def test_members_of_any_size(shape: tuple[int, int]) -> None:
    normal, count, chi, phi = base(*shape), shape[0] * shape[1], 2.3, 0.7
    value = values(normal)
    delta = normal.squared_distance(value)
    # radial densities: exp(-sqrt(chi r^2)) integrates to area * Gamma(count) / sqrt(chi)^count
    log_area = math.log(2) + 0.5 * count * math.log(math.pi) - math.lgamma(0.5 * count)
    lasso = MatrixGeneralizedHyperbolic(normal, -0.5 * (count + 1), chi, 0.0)
    constant = log_area + math.lgamma(count) - 0.5 * count * math.log(chi) + normal.log_scale
    assert torch.allclose(lasso.log_prob(value), -(chi * delta).sqrt() - constant, atol=1e-9)
    smooth = MatrixGeneralizedHyperbolic(normal, -0.5 * (count + 1), chi, phi).log_prob(value)
    shifted = smooth + (chi * (phi + delta)).sqrt()
    assert torch.allclose(shifted, shifted[:1].expand(5), atol=1e-9)
    # Student-t of `count` dimensions
    covariance = torch.kron(
        normal.rows.factor @ normal.rows.factor.mT + torch.diag(normal.rows.diagonal),
        normal.column_tril @ normal.column_tril.mT,
    )
    student = stats.multivariate_t(normal.loc.flatten().numpy(), covariance.numpy(), df=3.0)
    found = MatrixGeneralizedHyperbolic(normal, 1.5, 0.0, 3.0).log_prob(value)
    assert np.allclose(found.numpy(), student.logpdf(value.flatten(1).numpy()), atol=1e-9)


@pytest.mark.parametrize("mixing", MIXINGS)
def test_draws_follow_the_density(mixing: tuple[float, float, float]) -> None:
    count = 3
    d = MatrixGeneralizedHyperbolic(standard(count), *mixing)
    radius = d.sample((100_000,)).square().sum((-2, -1)).sqrt().numpy()
    log_r = torch.linspace(-60.0, 60.0, 12_001, dtype=torch.float64)
    along = torch.zeros(len(log_r), count, 1, dtype=torch.float64)
    along[:, 0, 0] = log_r.exp()
    log_area = math.log(2) + 0.5 * count * math.log(math.pi) - math.lgamma(0.5 * count)
    density = (d.log_prob(along) + count * log_r + log_area).exp()
    cdf = torch.cat([torch.zeros(1).double(), torch.cumulative_trapezoid(density, log_r)])
    assert abs(float(cdf[-1]) - 1) < 1e-8
    uniform = np.interp(np.log(radius), log_r.numpy(), cdf.numpy())
    # Kolmogorov-Smirnov of 100,000 draws: rejects at 1 in 10,000
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4


def test_moments() -> None:
    normal = base(3, 2)
    d = MatrixGeneralizedHyperbolic(normal, -2.5, 6.0, 1.0)
    draws = d.sample((100_000,))
    assert torch.equal(d.mean, normal.loc)
    standardised = (draws - d.mean) / d.variance.sqrt()
    # 5 Monte-Carlo standard errors of 100,000 draws: of the mean 1, of the square measured
    assert (standardised.mean(0).abs() < 5 / 100_000**0.5).all()
    error = standardised.square().std(0) / 100_000**0.5
    assert ((standardised.square().mean(0) - 1).abs() < 5 * error).all()
    assert (MatrixGeneralizedHyperbolic(normal, 1.0, 0.0, 2.0).variance == math.inf).all()


def test_the_precision_given_the_matrix_is_bayes_rule() -> None:
    normal = base(3, 2)
    d = MatrixGeneralizedHyperbolic(normal, 0.5, 1.0, 2.0)
    value, g = values(normal), torch.tensor([0.1, 0.7, 2.0, 5.0, 30.0], dtype=torch.float64)
    scaled = MatrixNormal(
        normal.loc,
        normal.column_tril / g.sqrt()[:, None, None],
        row_factor=normal.row_factor,
        row_diagonal=normal.row_diagonal,
    )
    joint = scaled.log_prob(value) + d.mixing.log_prob(g)
    assert torch.allclose(d.precision(value).log_prob(g), joint - d.log_prob(value), atol=1e-9)


def test_gradients() -> None:
    normal = base(3, 2)
    value = values(normal)
    triple = torch.tensor([-0.5, 1.0, 2.0], dtype=torch.float64).requires_grad_()

    def density(triple: torch.Tensor, loc: torch.Tensor, column_tril: torch.Tensor) -> torch.Tensor:
        rows = {"row_factor": normal.row_factor, "row_diagonal": normal.row_diagonal}
        moved = MatrixNormal(loc, column_tril.tril(), **rows, validate_args=False)
        return MatrixGeneralizedHyperbolic(moved, *triple, validate_args=False).log_prob(value)

    inputs = (triple, normal.loc.requires_grad_(), normal.column_tril.requires_grad_())
    assert torch.autograd.gradcheck(density, inputs)
    draws = MatrixGeneralizedHyperbolic(normal, *triple).rsample((50,)).square().sum()
    by_triple, *others = torch.autograd.grad(draws, inputs)
    # more order: larger precisions, smaller weights; more chi the same; more phi the opposite
    assert by_triple[0] < 0 and by_triple[1] < 0 and by_triple[2] > 0
    assert all(torch.isfinite(each).all() for each in others)


def test_at_the_mean_of_a_group_lasso_density_and_gradient_are_finite() -> None:
    zero = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    chi = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    density = MatrixGeneralizedHyperbolic(standard(4), -2.5, chi, 0.0).log_prob(zero)
    slopes = torch.autograd.grad(density, (zero, chi))
    # the subgradient at the kink; chi^(4 / 2) in the constant
    assert torch.equal(slopes[0], torch.zeros_like(zero)) and torch.isclose(slopes[1], 2.0 / chi)


def test_limits_element_by_element_and_expanding() -> None:
    order, chi, phi = torch.tensor(MIXINGS, dtype=torch.float64).unbind(-1)
    normal = base(3, 2)
    d = MatrixGeneralizedHyperbolic(normal, order, chi, phi)
    value = values(normal)[1]
    alone = [MatrixGeneralizedHyperbolic(normal, *mixing).log_prob(value) for mixing in MIXINGS]
    assert d.batch_shape == (6,) and torch.allclose(d.log_prob(value), torch.stack(alone))
    wide = d.expand((4, 6))
    assert wide.sample((2,)).shape == (2, 4, 6, 3, 2) and wide.variance.shape == (4, 6, 3, 2)
    assert torch.equal(wide.log_prob(value), d.log_prob(value).expand(4, 6))
    # and nearly at the limits
    near = MatrixGeneralizedHyperbolic(normal, order, chi.clamp_min(1e-9), phi.clamp_min(1e-9))
    assert torch.allclose(near.log_prob(value), d.log_prob(value), atol=1e-6)


def test_captured_it_is_the_same() -> None:
    normal = base(3, 2)

    def density(order: torch.Tensor, chi: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
        d = MatrixGeneralizedHyperbolic(normal, order, chi, phi, validate_args=False)
        return d.log_prob(normal.loc + 1.0)

    first = torch.tensor(MIXINGS, dtype=torch.float64).unbind(-1)
    other = torch.tensor(MIXINGS, dtype=torch.float64).flip(0).unbind(-1)
    assert torch.equal(make_fx(density)(*first)(*other), density(*other))


def test_a_mixing_that_is_no_distribution_is_refused() -> None:
    with pytest.raises(InputError, match="chi: expected positive, found 0 with order -1"):
        MatrixGeneralizedHyperbolic(standard(), -1.0, 0.0, 1.0)
