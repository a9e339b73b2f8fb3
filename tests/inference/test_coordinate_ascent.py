"""Coordinate ascent: the bound, exact limits, agreement with other inferences, what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal, InverseGamma, LogNormal
from scipy import integrate, optimize, special, stats

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.inference import Collapsed, CoordinateAscent
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import GroupSparse, Hierarchical
from bayes_mtl.priors._free_scale import FreeScale
from tests.crossed import crossed
from tests.inference import cases


def ragged(seed: int, features: int = 4, noise: bool = False, intercept: bool | None = None) -> TaskData:
    """Three to six tasks with rows of their own, some with fewer rows than features."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 12, random.integers(3, 7))
    task = np.repeat(np.arange(len(sizes)), sizes)
    x = random.normal(size=(len(task), features))
    weights = random.normal(size=(len(sizes), features)) * (np.arange(features) < 2)
    y = 3.0 + (weights[task] * x).sum(1) + 0.5 * random.normal(size=len(task))
    groups = {"a": ["x0", "x1"], "b": [f"x{i}" for i in range(2, features)]} if seed % 2 else None
    intercept = seed % 3 > 0 if intercept is None else intercept
    known = np.full(len(y), 0.5) if noise else None
    return TaskData.from_arrays(x, y, task, groups=groups, noise=known, intercept=intercept)


PRIORS = [
    GroupSparse(),
    GroupSparse(rank=1),
    GroupSparse(rank=3),
    GroupSparse.student_t(rank=1),
    GroupSparse.group_lasso(),
    GroupSparse.normal_inverse_gaussian(rank=2),
    GroupSparse(order=HalfNormal(1.0), chi=0.01, phi=LogNormal(0.0, 1.0)),
    GroupSparse(rank=1, intercept=HalfNormal(1.0)),
]
NOISES = ["shared", "task", "known"]


@pytest.mark.parametrize(("seed", "noise", "intercept"), crossed(range(len(PRIORS)), NOISES, (False, True)))
def test_the_bound_never_falls(seed: int, noise: str, intercept: bool) -> None:
    model = MultiTaskModel(PRIORS[seed], Gaussian(noise=noise))  # type: ignore[arg-type]
    inference = CoordinateAscent(iterations=25, tolerance=0.0, draws=5)
    data = ragged(seed + 3 * intercept, noise=noise == "known", intercept=intercept)
    losses = inference.run(model, data, seed=seed).record.losses
    # rounding of sums of a few hundred terms in float64
    assert np.diff(losses).max() < 1e-9 * np.abs(losses).max()
    assert losses[0] - losses[-1] > 0


def one_group(
    chi: float | LogNormal, phi: float | LogNormal, times: float = 1.0
) -> tuple[MultiTaskModel, TaskData]:
    data = cases.known(cases.rows((5, 6, 4)))
    data = TaskData.from_arrays(
        data.x, times * data.y, data.task, noise=data.noise, groups={"all": ["x0", "x1"]}, intercept=False
    )
    return MultiTaskModel(GroupSparse(0.5, chi, phi), Gaussian(noise="known"), standardize=False), data


GRID = np.linspace(-12, 12, 481)


def evidence(likelihood: np.ndarray, chi: float, phi: float) -> float:
    """Log evidence by quadrature over the logarithm of the one precision, of its log-likelihood on GRID."""
    prior = stats.geninvgauss.logpdf(np.exp(GRID), 0.5, np.sqrt(chi * phi), scale=np.sqrt(chi / phi))
    return float(special.logsumexp(likelihood + prior + GRID) + np.log(GRID[1] - GRID[0]))


def test_the_bound_lies_below_the_evidence_and_near_it() -> None:
    model, data = one_group(0.1, 0.1)
    bound = -CoordinateAscent().run(model, data).record.losses[-1]
    exact = evidence(np.array([evidence_at(data, gamma) for gamma in np.exp(GRID)]), 0.1, 0.1)
    # what the factors' independence of six weights and one precision costs
    assert exact - 0.5 < bound < exact


@pytest.mark.parametrize("name", ["chi", "phi"])
def test_a_learned_hyperparameter_is_the_best_on_the_logarithmic_scale(name: str) -> None:
    """Evidence x prior x Jacobian, whose peak is far from the start at 1: targets are ten times as large."""
    model, data = one_group(**{"chi": 0.1, "phi": 0.1, name: LogNormal(0.0, 1.5)}, times=10.0)
    found = CoordinateAscent(draws=2).run(model, data).draws[name]
    likelihood = np.array([evidence_at(data, gamma) for gamma in np.exp(GRID)])

    def log_density(log: float) -> float:
        settings = {"chi": 0.1, "phi": 0.1, name: math.exp(log)}
        return evidence(likelihood, **settings) + float(stats.norm.logpdf(log, 0.0, 1.5))

    best = optimize.minimize_scalar(lambda log: -log_density(log), bounds=(-8, 8), method="bounded").x
    assert abs(best) > 1.5
    # what the factors' independence moves; without the Jacobian it is 0.7 away or more
    np.testing.assert_allclose(found.log(), best, atol=0.05)


def test_a_precision_that_is_known_makes_it_exact() -> None:
    model, data = one_group(4e6, 1e6)  # precision 2 within 0.1 %
    posterior = CoordinateAscent(draws=20_000).run(model, data)
    assert abs(-posterior.record.losses[-1] - evidence_at(data, 2.0)) < 1e-2
    for t in range(3):
        own = data.task == t
        x, y = torch.as_tensor(data.x[own]), torch.as_tensor(data.y[own])
        precision = x.mT @ x / cases.NOISE**2 + 2.0 * torch.eye(2)
        mean = torch.linalg.solve(precision, x.mT @ y / cases.NOISE**2)
        sd = torch.linalg.inv(precision).diagonal().sqrt()
        draws = posterior.draws["weights"][:, t, :, 0].double()
        # 5 Monte-Carlo standard errors of 20,000 draws
        assert ((draws.mean(0) - mean) / sd).abs().max() < 5 / 20_000**0.5 + 1e-3
        assert (draws.std(0) / sd - 1).abs().max() < 5 / 40_000**0.5 + 1e-3


def evidence_at(data: TaskData, gamma: float) -> float:
    total = 0.0
    for t in range(3):
        x, y = data.x[data.task == t], data.y[data.task == t]
        covariance = x @ x.T / gamma + cases.NOISE**2 * np.eye(len(y))
        total += float(stats.multivariate_normal.logpdf(y, np.zeros(len(y)), covariance))
    return total


def test_intercepts_whose_spread_is_all_but_known() -> None:
    """Known within a thousandth, it is the spread that is given."""
    data = ragged(1, noise=True)
    given = MultiTaskModel(GroupSparse(intercept=0.5), Gaussian(noise="known"))
    learned = replace(given, prior=GroupSparse(intercept=LogNormal(math.log(0.5), 1e-3)))
    one, other = (CoordinateAscent(draws=200).run(model, data) for model in (given, learned))
    # The factor follows its prior but for a part in a thousand; its bound is then that of the prior: zero.
    assert math.isclose(one.record.losses[-1], other.record.losses[-1], rel_tol=1e-4, abs_tol=1e-2)
    assert abs(other.draws["intercept_scale"] - 0.5).max() < 5e-3
    np.testing.assert_allclose(one.draws["weights"], other.draws["weights"], atol=0.02)


@pytest.mark.parametrize(("terms", "squares"), [(3.0, 0.2), (40.0, 90.0), (1e6, 4e5)])
def test_a_free_scale_is_the_best_factor(terms: float, squares: float) -> None:
    """Against scipy's adaptive quadrature; the bound is the log of the constant when nothing moves."""
    prior = HalfNormal(torch.tensor(1.0, dtype=torch.float64))
    scale = FreeScale(prior, torch.tensor([terms], dtype=torch.float64))
    scale.update(torch.tensor([squares], dtype=torch.float64))
    peak = 0.5 * np.log(squares / terms)

    def log_density(t: float) -> float:
        return stats.halfnorm.logpdf(np.exp(t)) + t - terms * t - 0.5 * squares * np.exp(-2 * t)

    top = log_density(peak)
    width = 12 / np.sqrt(terms)

    def integral(weight: str) -> float:
        value = {"one": lambda t: 1.0, "log": lambda t: t, "precision": lambda t: np.exp(-2 * t)}[weight]
        low, high = peak - width, peak + width
        return integrate.quad(lambda t: value(t) * np.exp(log_density(t) - top), low, high, limit=200)[0]

    one = integral("one")
    assert np.isclose(float(scale.log), integral("log") / one, rtol=1e-6, atol=1e-8)
    assert np.isclose(float(scale.precision), integral("precision") / one, rtol=1e-6)
    whole = float(scale.bound - scale.terms * scale.log - 0.5 * squares * scale.precision)
    assert np.isclose(whole, top + np.log(one), rtol=1e-9, atol=1e-6)


def test_draws_of_a_free_scale() -> None:
    """With an inverse gamma prior of 1 / s the squares' factor has quantiles that scipy knows."""
    prior = InverseGamma(torch.tensor(2.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    scale = FreeScale(prior, torch.zeros(1, dtype=torch.float64))
    scale.update(torch.zeros(1, dtype=torch.float64))
    draws = scale.draw(5000)[:, 0].numpy()
    assert stats.kstest(draws, stats.invgamma(2.0, scale=1.0).cdf).pvalue > 1e-4


def test_it_agrees_with_the_weights_integrated_out() -> None:
    data = ragged(7)
    model = MultiTaskModel(GroupSparse.student_t(3.0, phi=1.0), Gaussian())
    ascent, exact = (i.run(model, data).draws["weights"] for i in (CoordinateAscent(), Collapsed()))
    # means within half a posterior sd: the factors are independent, and the other is Laplace's
    assert ((ascent.mean(0) - exact.mean(0)).abs() / exact.std(0)).max() < 0.5
    ratio = ascent.std(0) / exact.std(0)
    assert ratio.min() > 0.5 and ratio.max() < 1.5


def test_the_same_seed_gives_the_same_posterior() -> None:
    model = MultiTaskModel(GroupSparse(rank=2), Gaussian(noise="task"))
    runs = [CoordinateAscent(draws=20).run(model, ragged(4), seed=s) for s in (3, 3, 4)]
    for name, value in runs[0].draws.items():
        assert torch.equal(value, runs[1].draws[name]) and torch.isfinite(value).all()
    assert not torch.equal(runs[0].draws["weights"], runs[2].draws["weights"])
    assert runs[0].record.method == "CoordinateAscent" and runs[0].record.stopped == "converged"
    assert set(runs[0].draws) == set(Collapsed(draws=2).run(model, ragged(4)).draws)


def test_what_has_no_updates_is_refused() -> None:
    data = ragged(1)
    for model, text in (
        (MultiTaskModel(Hierarchical(), Gaussian()), "Hierarchical brings no updates"),
        (MultiTaskModel(GroupSparse(), Gaussian(), network=MLP(4, (2,))), "network"),
    ):
        with pytest.raises(UnsupportedError, match=text):
            CoordinateAscent().run(model, data)
    binary = TaskData.from_arrays(data.x, (data.y > 3).astype(float), data.task)
    with pytest.raises(UnsupportedError, match="Bernoulli"):
        CoordinateAscent().run(MultiTaskModel(GroupSparse(), Bernoulli()), binary)
    fixed = TaskData.from_arrays(data.x, data.y, data.task, varying=["x0"])
    with pytest.raises(UnsupportedError, match="one weight for all tasks"):
        CoordinateAscent().run(MultiTaskModel(GroupSparse(), Gaussian()), fixed)
    for settings in ({"iterations": 0}, {"draws": 0}, {"tolerance": 1.0}):
        with pytest.raises(InputError):
            CoordinateAscent(**settings)  # type: ignore[arg-type]
