"""Whether chains agree, and how much they are worth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData, _arviz
from bayes_mtl.diagnostics import check
from bayes_mtl.diagnostics._chains import check_chains
from bayes_mtl.diagnostics._suspects import rough_ess, rough_r_hat
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import as_chains, data, exact, moved
from tests.posterior.examples import make_posterior


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return as_chains(exact())


def last_chain(posterior: Posterior, by: float) -> torch.Tensor:
    shift = torch.zeros(posterior.number)
    shift[-posterior.number // 4 :] = by
    return shift


def test_independent_draws_are_good_chains(posterior: Posterior) -> None:
    report = check(posterior)
    assert report.findings == ()
    assert "chains: 4 of 500 draws, 100 quantities" in str(report)
    assert "divergences: 0" in str(report)


def test_a_chain_elsewhere_is_named_with_task_and_feature(posterior: Posterior) -> None:
    spread = float(posterior.draws["weights"][:, 7, 2].std())
    report = check(moved(posterior, "weights", (7, 2, 0), last_chain(posterior, 3 * spread)))
    first = report.findings[0]
    assert first.severity == "serious"
    assert "Chains disagree" in first.title
    assert first.names[0] == "weights[school 007, intake]"
    assert "weights[school 007, intake]" in first.what and "of 100 quantities" in first.what


def test_a_hyperparameter_elsewhere_is_named(posterior: Posterior) -> None:
    spread = float(posterior.draws["scale"][:, 0, 1, 0].std())
    report = check(moved(posterior, "scale", (0, 1, 0), last_chain(posterior, 0.6 * spread)))
    assert report.findings[0].severity == "warning"
    assert report.findings[0].names[0] == "scale[age]"


def test_hyperparameters_of_one_kind_of_tasks_elsewhere_are_named() -> None:
    given = data(4)
    mixed = TaskData.from_arrays(given.x, np.where(given.task < 2, given.y > 0, given.y), given.task)
    model = MultiTaskModel(Hierarchical(), Mixed({"0": Bernoulli(), "1": Bernoulli()}, default=Gaussian()))
    drawn = as_chains(make_posterior(model, mixed, draws=200, chains=4))
    for site in ("bernoulli/scale", "gaussian/noise_scale"):  # the prior's and the likelihood's
        drawn = moved(drawn, site, (0,) * (drawn.draws[site].dim() - 1), last_chain(drawn, 1000.0))
    outcome = check_chains(drawn)
    assert outcome is not None and outcome.findings[0].severity == "serious"
    assert set(outcome.findings[0].names) >= {"bernoulli/scale[Intercept]", "gaussian/noise_scale"}


def test_sticky_chains_have_few_effective_draws(posterior: Posterior) -> None:
    draws = dict(posterior.draws)
    value = draws["noise_scale"].clone()
    noise = torch.randn(4, 500)
    for i in range(1, 500):  # correlation 0.95: an effective size of 2,000 * 0.05 / 1.95 = 51
        noise[:, i] = 0.95 * noise[:, i - 1] + (1 - 0.95**2) ** 0.5 * noise[:, i]
    draws["noise_scale"] = 1.0 + 0.1 * noise.reshape(value.shape)
    report = check(replace(posterior, draws=draws))
    found = next(f for f in report.findings if "effective" in f.title)
    assert (found.severity, found.names) == ("warning", ("noise_scale",))
    assert "fewer than 400" in found.what and "times as many draws" in found.remedy


def test_sticky_tails_have_few_effective_draws(posterior: Posterior) -> None:
    """Signs are independent, and sizes hardly change from one draw to the next: means are known, ends not."""
    torch.manual_seed(0)
    log_size, sign = torch.randn(4, 500), torch.randn(4, 500)
    for i in range(1, 500):
        log_size[:, i] = 0.95 * log_size[:, i - 1] + (1 - 0.95**2) ** 0.5 * log_size[:, i]
    values = log_size.exp() * sign
    statistics = _arviz.chain_statistics(values.double().numpy()[..., None])
    assert statistics["ess_bulk"][0] > 1_000 and statistics["ess_tail"][0] < 200
    own = posterior.draws["mean"].clone()
    own[:, 0, 1, 0] = values.flatten()
    report = check(replace(posterior, draws={**posterior.draws, "mean": own}))
    found = next(f for f in report.findings if "effective" in f.title)
    assert found.names == ("mean[age]",)
    assert f"down to {statistics['ess_tail'][0]:.0f})" in found.title


@pytest.mark.parametrize(("number", "severity"), [(1, "warning"), (100, "serious")])
def test_divergences(posterior: Posterior, number: int, severity: str) -> None:
    (finding,) = check(posterior.with_record(divergences=number)).findings
    assert finding.severity == severity
    assert f"{number} divergent" in finding.title and "target_accept" in finding.remedy


@pytest.mark.parametrize(("chains", "severity"), [(1, "warning"), (2, "note"), (4, None)])
def test_few_chains(posterior: Posterior, chains: int, severity: str | None) -> None:
    found = [f for f in check(posterior.with_record(chains=chains)).findings if f.title.startswith("Only")]
    assert [f.severity for f in found] == ([] if severity is None else [severity])


@pytest.fixture(scope="module")
def many() -> Posterior:
    """1,000 tasks with 3 weights each, independent draws."""
    return as_chains(exact(tasks=1000, draws=800))


def test_many_weights_are_no_reason_for_alarm_and_cost_little(
    many: Posterior, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    original = _arviz.chain_statistics

    def counting(values: np.ndarray) -> Any:
        sizes.append(values.shape[2:])
        return original(values)

    monkeypatch.setattr(_arviz, "chain_statistics", counting)
    report = check(many)
    assert report.healthy  # a few of 3,010 exceed 1.01 by chance
    assert "3,010 quantities" in str(report)
    assert [np.prod(size) <= 150 for size in sizes] == [True]


def test_one_bad_weight_among_thousands_is_found(many: Posterior) -> None:
    spread = float(many.draws["weights"][:, 637, 1].std())
    report = check(moved(many, "weights", (637, 1, 0), last_chain(many, spread)))
    assert report.findings[0].severity == "serious"
    assert report.findings[0].names[0] == "weights[school 637, age]"


def test_chains_of_different_spread_are_found(many: Posterior) -> None:
    value = many.draws["weights"].clone()
    centre = value[:, 5, 1].mean()
    value[-200:, 5, 1] = centre + 4 * (value[-200:, 5, 1] - centre)
    report = check(replace(many, draws={**many.draws, "weights": value}))
    assert report.findings[0].names[0] == "weights[school 005, age]"


def test_when_all_are_bad_the_number_is_a_lower_bound(many: Posterior) -> None:
    value = many.draws["weights"] + last_chain(many, 5.0)[:, None, None, None]
    report = check(replace(many, draws={**many.draws, "weights": value}))
    assert report.findings[0].what.startswith("At least ")
    assert len(report.findings[0].names) == 20


def test_rough_statistics_agree_with_the_exact_ones() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 1000, 40))
    values[3, :, :20] += np.linspace(0, 2, 20)
    for i in range(1, 1000):
        values[:, i, 30:] = 0.8 * values[:, i - 1, 30:] + 0.6 * values[:, i, 30:]
    exact_ones = _arviz.chain_statistics(values)
    # Without ranks; normal draws need none, but the mixture of shifted chains is a little wider.
    assert rough_r_hat(values) == pytest.approx(exact_ones["r_hat"], abs=0.05)
    # 128 batch means: their variance has 4 standard errors of 50 %; batches of 31 steps miss a part of
    # an autocorrelation of 9 steps.
    ratio = rough_ess(values[..., 20:]) / exact_ones["ess_bulk"][20:]
    assert (ratio > 0.6).all() and (ratio < 2.0).all()


def test_chains_that_never_moved() -> None:
    values = np.ones((4, 100, 2))
    values[..., 1] = np.arange(4)[:, None]
    assert rough_r_hat(values)[1] == np.inf
