"""Proposals that follow what they find: mixtures of Student-t, and rounds of weighted points."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from bayes_mtl._psis import psis
from bayes_mtl._seed import seeded
from bayes_mtl.inference import _adaptive_importance
from bayes_mtl.inference._adaptive_importance import (
    WeightedPoints,
    adaptive_importance,
    effective_number,
    flattened,
    largest_k,
)
from bayes_mtl.inference._many_densities import log_densities
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._student_mixture import StudentMixture


def mixture(freedom: float = 5.0) -> StudentMixture:
    """Two components in the plane."""
    means = torch.tensor([[0.0, 0.0], [3.0, -1.0]], dtype=torch.float64)
    scales = torch.tensor([[[1.0, 0.5], [0.5, 2.0]], [[0.3, 0.0], [0.0, 0.6]]], dtype=torch.float64)
    shares = torch.tensor([0.7, 0.3], dtype=torch.float64)
    return StudentMixture(shares, means, torch.linalg.cholesky(scales), freedom)


def test_the_density_is_that_of_scipy() -> None:
    own = mixture()
    points = np.random.default_rng(0).normal(scale=3.0, size=(200, 2))
    parts = [
        float(share) * stats.multivariate_t(mean.numpy(), (factor @ factor.mT).numpy(), df=5.0).pdf(points)
        for share, mean, factor in zip(own.shares, own.means, own.factors, strict=True)
    ]
    found = own.log_density(torch.as_tensor(points)).numpy()
    np.testing.assert_allclose(found, np.log(sum(parts)), rtol=1e-10)


def test_draws_have_that_density() -> None:
    """Along each axis the draws have the margin's distribution function."""
    own = mixture()
    with seeded(3):
        points = own.draw(20_000).numpy()
    for axis in (0, 1):

        def margin(x: np.ndarray, axis: int = axis) -> np.ndarray:
            parts = [
                float(s) * stats.t(5.0, float(m[axis]), float((f @ f.mT)[axis, axis].sqrt())).cdf(x)
                for s, m, f in zip(own.shares, own.means, own.factors, strict=True)
            ]
            return np.asarray(sum(parts))

        # fails one time in 1,000 by chance, and the seed is given
        assert stats.kstest(points[:, axis], margin).pvalue > 1e-3


def test_em_recovers_a_mixture_from_its_own_draws() -> None:
    own = mixture()
    with seeded(5):
        points = own.draw(50_000)
    start = StudentMixture(own.shares.flip(0), own.means + 0.5, 1.5 * own.factors, own.freedom)
    weights = torch.full((len(points),), 1.0 / len(points), dtype=torch.float64)
    for _ in range(20):
        start = start._step(points, weights)
    # 50,000 draws: standard errors are about 0.003 of shares, 0.01 of means, 1.5 % of scales
    assert (start.shares - own.shares).abs().max() < 0.015
    assert (start.means - own.means).abs().max() < 0.05
    assert (start.factors - own.factors).abs().max() < 0.06


def test_a_broad_component_stays_beside_it() -> None:
    own = mixture()
    with seeded(5):
        points = own.draw(5_000)
    fitted = own.fitted(points, torch.full((5_000,), 1 / 5_000, dtype=torch.float64))
    assert len(fitted.shares) == 3 and float(fitted.shares.sum()) == pytest.approx(1.0)
    broad = fitted.factors[-1] @ fitted.factors[-1].mT
    expected = 4 * np.cov(points.numpy().T, bias=True)
    np.testing.assert_allclose(broad.numpy(), expected, rtol=1e-4)


def test_one_point_that_has_all_the_weight_breaks_nothing() -> None:
    points, weights = torch.randn(50, 2, dtype=torch.float64), torch.zeros(50, dtype=torch.float64)
    weights[7] = 1.0
    fitted = mixture().fitted(points, weights)
    torch.testing.assert_close(fitted.means[-1], points[7])
    assert torch.isfinite(fitted.log_density(points)).all()
    points[7] = 1e200  # its squared distance is no number
    fitted = mixture().fitted(points, weights)
    assert float(fitted.shares.sum()) == pytest.approx(1.0) and len(fitted.shares) == 3


def run(log: object, size: int, sizes: tuple[int, ...] = (2_000,) * 6) -> WeightedPoints:
    """Rounds that begin at four broad components around 0."""
    with seeded(0):
        means = torch.randn(4, size, dtype=torch.float64)
        factors = 2.0 * torch.eye(size, dtype=torch.float64).expand(4, -1, -1)
        start = StudentMixture(torch.full((4,), 0.25, dtype=torch.float64), means, factors, 3.0)
        found = adaptive_importance(log, start, sizes, lambda points: False)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_flattened_weights_are_worth_as_much_as_asked_for() -> None:
    weights = np.random.default_rng(0).dirichlet(np.full(2_000, 0.01))
    found = flattened(weights, 80.0)
    assert effective_number(weights) < 30
    assert effective_number(found) == pytest.approx(80.0, rel=1e-3)  # halvings of the power end there
    assert (np.argsort(found)[-20:] == np.argsort(weights)[-20:]).all()
    assert flattened(found, 80.0 * 0.9) is found
    alone = np.eye(50)[7]
    assert effective_number(flattened(alone, 60.0)) == pytest.approx(50.0)  # more than there are points


def test_a_first_proposal_far_too_wide_keeps_all_directions() -> None:
    """A normal in 10 dimensions with sds of 0.1, from draws with sds of 3: few points of a round count."""
    found = run(lambda points: -0.5 * (points / 0.1).square().sum(-1), 10, sizes=(2_000,) * 10)
    sds = np.sqrt(found.weights @ found.points.numpy() ** 2) / 0.1
    assert found.trustworthy and found.effective > 2_000  # 9, with covariances of the few that count
    # the largest of 10, each with a standard error of sqrt(1 / (2 effective))
    assert np.abs(sds - 1).max() < 4 / math.sqrt(2 * found.effective)


def test_directions_known_very_differently_well() -> None:
    """A sd of 1e-5 beside ones of 1: the ridge of the scale matrices is far below either."""
    sds = torch.tensor([1e-5, 1.0, 1.0], dtype=torch.float64)
    means = torch.zeros(1, 3, dtype=torch.float64)
    start = StudentMixture(torch.ones(1, dtype=torch.float64), means, torch.diag(sds)[None], 3.0)
    with seeded(0):
        points = start.draw(5_000)
    fitted = start.fitted(points, torch.full((5_000,), 1 / 5_000, dtype=torch.float64))
    own = (fitted.factors @ fitted.factors.mT).diagonal(dim1=-2, dim2=-1).sqrt()
    # 5,000 draws with tails: 2 % of a sd
    torch.testing.assert_close(own[0], sds, rtol=0.08, atol=0.0)


def test_moments_of_a_banana() -> None:
    """x normal, y given x normal around x squared: E y = 1, var y = 2 + 0.25, cov(x^2, y) = 2."""

    def log(points: Tensor) -> Tensor:
        x, y = points.unbind(-1)
        return -0.5 * x.square() - 0.5 * ((y - x.square()) / 0.5).square()

    found = run(log, 2)
    x, y = found.points.numpy().T
    weights = found.weights
    mean = weights @ y
    # standard errors by the effective number; y is nearly a chi square, whose fourth central moment is 60
    error = 1 / math.sqrt(found.effective)
    assert found.effective > 3_000
    assert weights @ x == pytest.approx(0.0, abs=4 * error)
    assert mean == pytest.approx(1.0, abs=4 * 1.5 * error)
    assert weights @ (y - mean) ** 2 == pytest.approx(2.25, abs=4 * 7.5 * error)


def test_rounds_of_different_sizes_count_by_their_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Target over mixture has the mean of the constant that the density lacks, here that of a Gaussian."""
    seen: list[np.ndarray] = []

    def watched(log_ratios: np.ndarray, negligible: float) -> tuple[np.ndarray, float]:
        seen.append(log_ratios.copy())
        return psis(log_ratios, negligible)

    monkeypatch.setattr(_adaptive_importance, "psis", watched)
    sds = np.array([0.5, 2.0])
    found = run(
        lambda points: -0.5 * (points / torch.as_tensor(sds)).square().sum(-1), 2, sizes=(500, 4_000, 1_000)
    )
    assert [len(ratios) for ratios in seen] == [500, 4_500, 5_500]
    for ratios in (np.exp(log) / (2 * np.pi * sds.prod()) for log in seen):
        assert ratios.mean() == pytest.approx(1.0, abs=4 * ratios.std() / math.sqrt(len(ratios)))
    # standard errors by the effective number
    error = 1 / math.sqrt(found.effective)
    points = found.points.numpy() / sds
    np.testing.assert_allclose(found.weights @ points, 0.0, atol=4 * error)
    np.testing.assert_allclose(found.weights @ points**2, 1.0, atol=4 * math.sqrt(2) * error)


def test_both_humps_are_found_with_their_shares() -> None:
    def log(points: Tensor) -> Tensor:
        left = -0.5 * (points + 3).square().sum(-1) + math.log(0.8)
        return torch.logaddexp(left, -0.5 * (points - 3).square().sum(-1) + math.log(0.2))

    found = run(log, 3)
    assert found.trustworthy
    share = found.weights @ (found.points[:, 0].numpy() > 0)
    assert share == pytest.approx(0.2, abs=4 * 0.4 / math.sqrt(found.effective))


def test_it_ends_when_told_and_without_density() -> None:
    calls = []

    def log(points: Tensor) -> Tensor:
        calls.append(len(points))
        return -0.5 * points.square().sum(-1)

    found = adaptive_importance(log, mixture(), (300, 200, 100), lambda points: len(points.points) >= 500)
    assert found is not None and calls == [300, 200]
    nowhere = lambda points: torch.full((len(points),), -math.inf, dtype=torch.float64)  # noqa: E731
    assert adaptive_importance(nowhere, mixture(), (300,), lambda points: True) is None


def test_how_large_k_may_be() -> None:
    assert largest_k(100) == pytest.approx(0.5) and largest_k(10**6) == 0.7 and largest_k(3) < 0.1


class _Partly(Potential):
    """A density with singular matrices above 1: one is seen by its factor, the other raises."""

    def __init__(self, raises: bool) -> None:
        self.calls, self.raises = 0, raises
        self.program, self.arguments = (lambda: None), ()

    def log_density(self, flat: Tensor) -> Tensor:
        self.calls += 1
        singular = (flat > 1).squeeze(-1)
        if self.raises and singular.any():
            torch.linalg.inv(torch.zeros(2, 2))
        matrices = torch.where(singular, -1.0, 1.0)[:, None, None] * torch.eye(2, dtype=flat.dtype)
        return torch.linalg.cholesky(matrices).diagonal(dim1=-2, dim2=-1).log().sum(-1) - flat.sum(-1)


@pytest.mark.parametrize("raises", [False, True])
def test_singular_points_have_density_zero(raises: bool) -> None:
    points, potential = torch.linspace(-1.0, 1.001, 512).unsqueeze(-1), _Partly(raises)  # the last is above 1
    found = log_densities(potential, points)
    assert torch.equal(found[:-1], -points[:-1, 0]) and found[-1] == -torch.inf
    assert potential.calls == (1 + 2 * 9 if raises else 1)  # looked for by halves
