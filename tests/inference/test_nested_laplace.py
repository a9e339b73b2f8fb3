"""Draws of hyperparameters and weights where rows are not Gaussian: against quadrature and chains."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal, Normal
from scipy import stats
from torch.autograd.function import once_differentiable

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.data import Batch
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import NUTS, SVI, Collapsed, Escalation, NestedLaplace, PopulationMonteCarlo, fit
from bayes_mtl.inference._first_that_works import FirstThatWorks
from bayes_mtl.inference._fit import choose
from bayes_mtl.inference._laplace_evidence import LaplaceEvidence
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Categorical,
    Gaussian,
    Mixed,
    Poisson,
    StudentT,
)
from bayes_mtl.networks import MLP
from bayes_mtl.priors import (
    GumbelSoftmax,
    Hierarchical,
    Independent,
    LowRank,
    TaskClustering,
    TaskCovariance,
)
from tests.inference import cases

POINTS = PopulationMonteCarlo(progress=False)
QUIET = NestedLaplace(POINTS)
DIAGONAL = Hierarchical(covariance="diagonal")
RANDOM = np.random.default_rng(5)
TASK = np.repeat(np.arange(8), 6)
X = RANDOM.normal(size=(48, 1))
LEVEL = RANDOM.normal(size=8)[TASK] + 0.5 * X[:, 0]
COUNTS = TaskData.from_arrays(X, RANDOM.poisson(np.exp(LEVEL)), TASK)
CLASSES = TaskData.from_arrays(X, (RANDOM.random(48) < 1 / (1 + np.exp(-2 * LEVEL))).astype(int), TASK)


def test_a_hierarchy_of_counts_is_that_of_quadrature() -> None:
    """Intercepts alone: two hyperparameters and one weight a task are sums over grids."""
    y = np.array([0, 1, 3, 0, 0, 7, 4, 2, 2, 1, 0, 0])
    task = np.repeat(np.arange(4), 3)
    data = TaskData.from_arrays(np.zeros((12, 0)), y, task)
    model = MultiTaskModel(DIAGONAL, Poisson(), standardize=False)
    posterior = NestedLaplace(POINTS, draws=8_000).run(model, data)

    mean, scale = np.meshgrid(np.linspace(-4, 4, 161), np.linspace(0.01, 5, 200), indexing="ij")
    white = np.linspace(-6, 6, 241)
    density = stats.norm.logpdf(mean) + stats.halfnorm.logpdf(scale)
    inner = []
    for t in range(4):
        w = mean[..., None] + scale[..., None] * white
        own = y[task == t]
        log = stats.norm.logpdf(white) + own.sum() * w - 3 * np.exp(w)
        weights = np.exp(log)
        density = density + np.log(weights.sum(-1))
        inner.append((weights * w).sum(-1) / weights.sum(-1))
    density = np.exp(density - density.max())
    density /= density.sum()
    # Worth 4,000 independent draws at least: five standard errors are 0.08 standard deviations.
    for name, grid in (("mean", mean), ("scale", scale)):
        expected = (density * grid).sum()
        sd = ((density * grid**2).sum() - expected**2) ** 0.5
        drawn = posterior.draws[name].flatten()
        assert float(drawn.mean()) == pytest.approx(expected, abs=0.08 * sd)
        # The sd of a sample's sd is twice that of its mean for tails this heavy.
        assert float(drawn.std()) == pytest.approx(sd, rel=0.1)
    for t in range(4):
        drawn = posterior.draws["weights"][:, t, 0, 0]
        assert float(drawn.mean()) == pytest.approx((density * inner[t]).sum(), abs=0.08 * float(drawn.std()))


@cases.slow
@pytest.mark.parametrize(
    ("likelihood", "data"),
    [(Poisson(), COUNTS), (Bernoulli(), CLASSES), (StudentT(), cases.rows())],
    ids=["counts", "classes", "heavy tails"],
)
def test_agrees_with_chains(likelihood: AbstractLikelihood, data: TaskData) -> None:
    model = MultiTaskModel(DIAGONAL, likelihood)
    ours = NestedLaplace(POINTS, draws=4_000).run(model, data)
    chains = NUTS(draws=1_000, warmup=500, chains=2, progress=False, compile=True).run(model, data)
    for name, value in chains.draws.items():
        found, known = ours.draws[name].double(), value.double()
        # Chains are worth 500 draws at least, ours 2,000: five standard errors, and of a share of quantiles
        sd = known.std(0).clamp_min(1e-6)
        assert ((found.mean(0) - known.mean(0)).abs() < 0.25 * sd + 1e-6).all(), name
        for q in (0.1, 0.5, 0.9):
            share = (found < known.quantile(q, 0)).double().mean(0)
            assert ((share - q).abs() < 0.1)[known.std(0) > 1e-6].all(), name


def test_gaussian_rows_give_what_collapsed_gives() -> None:
    model, data = MultiTaskModel(DIAGONAL, Gaussian()), cases.rows()
    ours, exact = (i.run(model, data) for i in (NestedLaplace(POINTS, draws=2_000), Collapsed(draws=2_000)))
    for name in ("mean", "scale", "weights", "noise_scale"):
        a, b = ours.draws[name], exact.draws[name]
        # Each worth 1,000 draws: five standard errors of a difference
        assert ((a.mean(0) - b.mean(0)).abs() < 5 * (2 / 1_000) ** 0.5 * b.std(0)).all()


def test_without_hyperparameters_the_weights_alone_are_drawn() -> None:
    posterior = QUIET.run(MultiTaskModel(Independent(), Bernoulli()), CLASSES)
    assert posterior.number == 1_000
    assert set(posterior.draws) == {"weights"}
    assert len(posterior.draws["weights"][:, 0, 0].unique()) > 500
    assert "no hyperparameters" in posterior.record.stopped


def test_as_many_draws_as_leave_one_for_a_last_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_mtl.inference._nested_laplace.in_cache", lambda _: 399)
    model = MultiTaskModel(Independent(), Bernoulli())
    assert NestedLaplace(POINTS, draws=400).run(model, CLASSES).number == 400


@dataclass(frozen=True)
class Once(Bernoulli):
    """A likelihood with one derivative."""

    def distribution(self, f: torch.Tensor, batch: Batch, parameters: Mapping[str, torch.Tensor]) -> Any:
        return super().distribution(_Once.apply(f), batch, parameters)  # type: ignore[no-untyped-call]


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.clone()


def test_a_likelihood_with_one_derivative_is_fitted_by_svi() -> None:
    model = MultiTaskModel(DIAGONAL, Once())
    assert choose(model, CLASSES) == SVI()
    with pytest.raises(UnsupportedError, match="cannot differentiate twice"):
        QUIET.run(model, CLASSES)


def test_few_draws_are_judged_by_more() -> None:
    assert NestedLaplace(POINTS, draws=3).run(MultiTaskModel(DIAGONAL, Bernoulli()), CLASSES).number == 3


def test_record_and_check_say_how_exact_it_is() -> None:
    posterior = NestedLaplace(POINTS, draws=600).run(MultiTaskModel(DIAGONAL, Bernoulli()), CLASSES, seed=2)
    record = posterior.record
    assert posterior.number == 600
    assert record.method == "NestedLaplace(PopulationMonteCarlo)"
    assert "corrected: k-hat" in record.stopped and record.log_weights is None
    report = check(posterior, CLASSES)
    assert any("importance sampling" in looked for looked in report.checked)
    assert not any("approximation" in finding.title for finding in report.findings)


@pytest.mark.parametrize(
    ("model", "data", "reason"),
    [
        (MultiTaskModel(DIAGONAL, Bernoulli(), network=MLP(1, (2,))), CLASSES, "network is trained"),
        (MultiTaskModel(DIAGONAL, Categorical()), TaskData.from_arrays(X, TASK % 3, TASK), "3 outputs"),
        (MultiTaskModel(TaskCovariance(), Bernoulli()), CLASSES, "correlates tasks"),
        (MultiTaskModel(DIAGONAL, Mixed({}, default=Poisson())), COUNTS, "different kinds"),
        (MultiTaskModel(GumbelSoftmax(), Bernoulli()), CLASSES, "its prior is"),
    ],
    ids=["network", "outputs", "covariance", "kinds", "no fixed joint"],
)
def test_what_it_does_not_fit_is_named(model: MultiTaskModel, data: TaskData, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=f"NestedLaplace does not fit this model: .*{reason}"):
        QUIET.run(model, data)


def test_draws_that_cannot_be_trusted_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    corrected = LaplaceEvidence.corrected

    def poor(self: LaplaceEvidence, proposals: int) -> tuple[torch.Tensor, torch.Tensor]:
        log, weights = corrected(self, proposals)
        return log + 10 * torch.randn(*log.shape[:-1], 1, dtype=log.dtype).exp(), weights

    monkeypatch.setattr(LaplaceEvidence, "corrected", poor)
    model = MultiTaskModel(DIAGONAL, Bernoulli())
    with pytest.raises(
        UnsupportedError, match=r"no proposals that cover the tasks' weights: with 32 for each"
    ):
        QUIET.run(model, CLASSES)
    short = SVI(steps=3, draws=5, progress=False)
    found = FirstThatWorks(QUIET, short).run(model, CLASSES)
    assert found.record.method == "SVI" and "no proposals that cover" in found.record.settings["tried"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"proposals": 1}, "proposals: expected at least 2"),
        ({"draws": 0}, "draws"),
        ({"hyperparameters": 3}, "hyperparameters: expected PopulationMonteCarlo"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_settings_are_checked(settings: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        NestedLaplace(**settings)  # type: ignore[arg-type]


def test_more_proposals_make_the_draws_worth_more() -> None:
    model = MultiTaskModel(Independent(2.0), Bernoulli())

    def worth(proposals: int) -> int:
        stopped = replace(QUIET, proposals=proposals).run(model, CLASSES).record.stopped
        return int(stopped.split("worth ")[1].split(" of")[0].replace(",", ""))

    assert worth(4) < worth(32) <= 1_000


def test_fit_chooses_it_for_few_rows_and_few_hyperparameters() -> None:
    usual = FirstThatWorks(NestedLaplace(PopulationMonteCarlo(rounds=5)), SVI())
    many = TaskData.from_arrays(np.tile(X, (50, 1)), np.tile(COUNTS.y, 50), np.tile(TASK, 50))
    wide = TaskData.from_arrays(np.tile(X, (1, 11)), COUNTS.y, TASK)
    for model, data in ((DIAGONAL, COUNTS), (Hierarchical(), COUNTS), (Independent(HalfNormal(1.0)), COUNTS)):
        assert choose(MultiTaskModel(model, Poisson()), data) == usual
    for prior, data in (
        (DIAGONAL, many),
        (DIAGONAL, wide),
        (TaskClustering(2), COUNTS),
        (LowRank(1), COUNTS),
        (TaskCovariance(), COUNTS),
    ):
        assert choose(MultiTaskModel(prior, Poisson()), data) == SVI()
    posterior = fit(MultiTaskModel(DIAGONAL, Poisson()), COUNTS, seed=4)
    assert posterior.record.method == "NestedLaplace(PopulationMonteCarlo)"
    assert len(posterior.predict(COUNTS)) == len(COUNTS)


def test_a_rung_between_guides_and_chains() -> None:
    climbed = Escalation(first="collapsed points", nuts=NUTS(progress=False)).run(
        MultiTaskModel(Hierarchical(Normal(0.0, 2.0), covariance="diagonal"), Bernoulli()), CLASSES
    )
    assert climbed.record.method == "NestedLaplace(PopulationMonteCarlo)"
    assert climbed.record.settings["tried"] == "nested Laplace"
