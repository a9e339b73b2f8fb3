"""Weights integrated out around their modes: against closed forms, quadrature and differences."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal, Normal
from scipy import integrate, stats

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._laplace_program import LaplaceProgram
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._many_densities import log_densities
from bayes_mtl.inference._potential import Potential
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    Hierarchical,
    Horseshoe,
    Independent,
    LowRank,
    Pooled,
    TaskClustering,
    at_draws,
)

TASKS, ROWS = 5, 12
RANDOM = np.random.default_rng(0)
TASK = np.repeat(np.arange(TASKS), ROWS)
X = RANDOM.normal(size=(TASKS * ROWS, 2))
WEIGHTS = 0.5 * RANDOM.normal(size=(TASKS, 3))
ETA = WEIGHTS[TASK, 0] + (WEIGHTS[TASK, 1:] * X).sum(1)
BY_TASK = RANDOM.normal(size=(TASKS, 1))
LIFETIME = RANDOM.exponential(np.exp(ETA))


def data(y: np.ndarray, **columns: np.ndarray) -> TaskData:
    return TaskData.from_arrays(X, y, TASK, task_features=BY_TASK, **columns)


LIKELIHOODS: dict[str, tuple[AbstractLikelihood, TaskData]] = {
    "poisson": (Poisson(), data(RANDOM.poisson(np.exp(ETA)))),
    "offset": (Poisson(), data(RANDOM.poisson(3 * np.exp(ETA)), offset=np.full(len(TASK), np.log(3)))),
    "negative binomial": (NegativeBinomial(), data(RANDOM.poisson(2 * np.exp(ETA)))),
    "bernoulli": (Bernoulli(), data((RANDOM.random(len(TASK)) < 1 / (1 + np.exp(-ETA))).astype(int))),
    "binomial": (
        Binomial(),
        data(RANDOM.binomial(5, 1 / (1 + np.exp(-ETA))), trials=np.full(len(TASK), 5)),
    ),
    "student t": (StudentT(), data(ETA + 0.5 * RANDOM.standard_t(3, size=len(TASK)))),
    "gamma": (Gamma(), data(RANDOM.gamma(2.0, np.exp(ETA) / 2))),
    "censored": (LogNormal(), data(np.minimum(LIFETIME, 2.0), censored=LIFETIME > 2.0)),
    "ordinal": (Ordinal(), data(np.digitize(ETA + RANDOM.logistic(size=len(TASK)), [-1.0, 1.0]))),
}
PRIORS: dict[str, AbstractTaskPrior] = {
    "hierarchical": Hierarchical(),
    "diagonal": Hierarchical(covariance="diagonal"),
    "independent": Independent(HalfNormal(1.0)),
    "pooled": Pooled(),
    "low rank": LowRank(rank=1),
    "ard": GroupSparse.ard(rank=1),
    "horseshoe": Horseshoe(),
    "clustering": TaskClustering(2),
    "gate": TaskClustering(2, weights_prior="gate", task_mean=True),
}
NUMBERS: dict[str, Callable[[], TaskData]] = {
    "plain": lambda: data(ETA + RANDOM.normal(size=len(TASK))),
    "weights": lambda: data(ETA + RANDOM.normal(size=len(TASK)), weight=RANDOM.random(len(TASK))),
    "known noise": lambda: data(ETA, noise=0.1 + RANDOM.random(len(TASK))),
    "fixed features": lambda: TaskData.from_arrays(
        X, ETA, TASK, task_features=BY_TASK, feature_names=["a", "b"], varying=["a"]
    ),
    "uneven tasks": lambda: data(ETA).subset(
        RANDOM.random(len(TASK)) < np.where(TASK == 0, 0.0, 0.3 * TASK / 2)
    ),
}


def potentials(model: MultiTaskModel, data: TaskData) -> tuple[Potential, torch.Tensor]:
    """Log-density of the hyperparameters, and some points."""
    found = Potential(LaplaceProgram(model.program(data), data))
    torch.manual_seed(1)
    return found, 0.4 * torch.randn(4, len(found), dtype=torch.float64)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("columns", NUMBERS)
def test_exact_for_gaussian_rows(prior: str, columns: str) -> None:
    """Where the rows are Gaussian so is the posterior of the weights, and nothing is left out."""
    rows = NUMBERS[columns]()
    noise = "known" if columns == "known noise" else "shared"
    with local_parameters():
        model = MultiTaskModel(PRIORS[prior], Gaussian(noise=noise))
        laplace, points = potentials(model, rows)
        exact = Potential(CollapsedProgram(model.program(rows), rows))
        torch.testing.assert_close(
            log_densities(laplace, points), log_densities(exact, points), rtol=1e-8, atol=1e-7
        )
        found, gradient = laplace.value_and_gradient(points[0].numpy())
        expected, known = exact.value_and_gradient(points[0].numpy())
    assert found == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(gradient, known, atol=1e-6)


def test_features_of_a_frozen_network() -> None:
    rows = NUMBERS["plain"]()
    model = MultiTaskModel(PRIORS["diagonal"], Gaussian(), network=Frozen(MLP(2, (3,))))
    with local_parameters():
        laplace, points = potentials(model, rows)
        exact = Potential(CollapsedProgram(model.program(rows), rows))
        torch.testing.assert_close(log_densities(laplace, points), log_densities(exact, points))


@pytest.mark.parametrize("prior", ["hierarchical", "clustering"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_one_point_is_as_among_many_and_its_gradient_is_that_of_differences(
    likelihood: str, prior: str
) -> None:
    kind, rows = LIKELIHOODS[likelihood]
    with local_parameters():
        potential, points = potentials(MultiTaskModel(PRIORS[prior], kind), rows)
        together = log_densities(potential, points)
        assert together.isfinite().all()
        point = points[0].numpy()
        value, gradient = potential.value_and_gradient(point)
        # A search for a mode ends within 1e-4 of it, times what the determinant changes along the way.
        assert value == pytest.approx(float(together[0]), abs=2e-5)
        step = 1e-4
        for i in range(len(point)):
            shift = step * np.eye(len(point))[i]
            above, below = (potential.value_and_gradient(point + s * shift)[0] for s in (1, -1))
            assert gradient[i] == pytest.approx((above - below) / (2 * step), abs=1e-3)


@pytest.mark.parametrize(
    ("likelihood", "log"),
    [
        (Poisson(), lambda y, f: stats.poisson.logpmf(y, np.exp(f))),
        (Bernoulli(), lambda y, f: stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-f)))),
    ],
    ids=["counts", "classes"],
)
@pytest.mark.parametrize("components", [1, 2])
def test_corrected_evidence_and_weights_are_those_of_quadrature(
    likelihood: AbstractLikelihood, log: Callable[[np.ndarray, float], np.ndarray], components: int
) -> None:
    """One weight a task: the evidence of its rows, and the mean of its weight, are integrals."""
    random = np.random.default_rng(3)
    task = np.repeat([0, 1, 2], [1, 4, 9])
    y = random.integers(0, 2, size=len(task))
    rows = TaskData.from_arrays(np.zeros((len(task), 0)), y, task)
    prior = (
        Hierarchical(covariance="diagonal") if components == 1 else TaskClustering(2, covariance="diagonal")
    )
    model = MultiTaskModel(prior, likelihood, standardize=False)
    number = 4_000
    means, scales = [0.3, -1.0][:components], [1.5, 0.7][:components]
    shares = [1.0] if components == 1 else [0.6, 0.4]
    values = (
        {"mean": torch.tensor([[[means]]]), "scale": torch.tensor([[[scales]]])}
        if components == 1
        else {
            "cluster_mean": torch.tensor(means).reshape(1, 1, 2, 1, 1),
            "cluster_scale": torch.tensor(scales).reshape(1, 1, 2, 1, 1),
            "cluster_weights": torch.tensor([[shares]]),
        }
    )
    with local_parameters(), torch.no_grad():
        laplace = LaplaceProgram(model.program(rows), rows)
        repeated = {name: value.expand(number, *value.shape[1:]) for name, value in values.items()}
        log_evidence, weights = at_draws(laplace.evidence, repeated).corrected(8)
    estimate = log_evidence.exp()
    for t in range(3):

        def density(w: float, t: int = t) -> float:
            prior = sum(p * stats.norm.pdf(w, m, s) for p, m, s in zip(shares, means, scales, strict=True))
            return float(prior * np.exp(log(y[task == t], w).sum()))

        total = integrate.quad(density, -12, 12, points=[-1, 0, 1])[0]
        mean = integrate.quad(lambda w, f=density: w * f(w), -12, 12, points=[-1, 0, 1])[0] / total
        # five standard errors; unbiased, however few proposals there are
        error = 5 * float(estimate[:, t].std()) / number**0.5
        assert float(estimate[:, t].mean()) == pytest.approx(total, abs=error)
        own = estimate[:, t] / estimate[:, t].sum()
        drawn = weights[:, t, 0]
        spread = float((own * (drawn - mean).square()).sum().sqrt())
        assert float((own * drawn).sum()) == pytest.approx(mean, abs=5 * spread / number**0.5)


def test_hyperparameters_far_out_have_no_density_and_no_error() -> None:
    _, rows = LIKELIHOODS["poisson"]
    with local_parameters():
        potential, points = potentials(MultiTaskModel(Hierarchical(Normal(0.0, 1e6)), Poisson()), rows)
        points[1] = 1e4
        points[2] = -1e4
        found = log_densities(potential, points)
    assert found[[0, 3]].isfinite().all() and not found[1] > -1e4


@pytest.mark.parametrize("near", [-300.0, -100.0, 300.0])
def test_modes_of_counts_are_found_from_far_away(near: float) -> None:
    """Where a concave density hardly curves, Newton's steps are many times too long."""
    rows = TaskData.from_arrays(np.zeros((3, 1)), np.array([15, 23, 14]), np.zeros(3, dtype=int))
    with local_parameters(), torch.no_grad():
        program = LaplaceProgram(MultiTaskModel(Independent(1.5), NegativeBinomial()).program(rows), rows)
        values = {"noise_concentration": torch.full((4, 1), 200.0, dtype=torch.float64)}
        found = at_draws(program.evidence, values)
        weights = torch.tensor([near, 0.0], dtype=torch.float64).expand(1, 2)
        away = replace(found, near=weights)
        # the search ends 1e-8 nats below the mode, where the Hessian is off by about the root of that
        torch.testing.assert_close(away.log(), found.log(), rtol=0, atol=1e-4)
