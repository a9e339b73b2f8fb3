"""Whether a training had converged."""

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, Posterior
from bayes_mtl.diagnostics import check
from bayes_mtl.diagnostics._elbo import slope
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import data, exact


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return exact()


def svi(posterior: Posterior, losses: np.ndarray, stopped: str) -> Posterior:
    return posterior.with_record(method="SVI", losses=losses, stopped=stopped, log_weights=None)


def noise(steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=steps)


def test_slope_of_a_line_is_exact() -> None:
    trend = slope(100.0 - 0.25 * np.arange(3000))
    assert trend is not None
    assert (trend.window, trend.error) == (1000, pytest.approx(0.0, abs=1e-9))
    assert trend.rate == pytest.approx(-250.0)  # nats per 1,000 steps


def test_standard_error_of_the_slope_is_that_of_least_squares() -> None:
    trends = [slope(noise(3000, seed)) for seed in range(400)]
    rates = np.array([trend.rate for trend in trends if trend is not None])
    # Of 1,000 equidistant steps with unit noise: sqrt(12 / n^3) a step. 4 standard errors of a standard
    # deviation from 400 seeds are 14 %.
    assert rates.std() == pytest.approx(1000 * np.sqrt(12 / 1000**3), rel=0.14)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_noise_alone_is_level(correlation: float) -> None:
    alarms = 0
    for seed in range(200):
        losses = 20.0 * noise(3000, seed)
        for i in range(1, len(losses)):
            losses[i] += correlation * losses[i - 1]
        trend = slope(losses)
        alarms += trend is not None and trend.matters(1)
    # A t statistic with 8 degrees of freedom exceeds 3 in 1.7 % of 200 seeds: 3.4, and 4 sd are 7.4 more.
    # Correlated noise of 1,000 steps makes the ten means a little less than independent: twice that.
    assert alarms <= (11 if correlation == 0 else 22)


def test_50_steps_of_svi_are_too_few() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian())
    report = check(SVI(steps=50, progress=False, draws=100).run(model, data(6)))
    first = report.findings[0]
    assert (first.severity, first.title) == ("serious", "The training had not converged")
    assert "step limit, 50 steps" in first.what and "nats" in first.what
    assert "SVI(steps=1_000)" in first.remedy


@pytest.mark.parametrize(
    ("rate", "severity"), [(-0.004, None), (-0.012, "warning"), (-0.2, "serious"), (0.2, "warning")]
)
def test_the_rate_that_matters_grows_with_the_unknowns(
    posterior: Posterior, rate: float, severity: str | None
) -> None:
    # 100 unknowns (3 means, 3 scales, 3 correlations, 90 weights, 1 noise): 0.0625 and 0.25 nats each are
    # 6 and 25 nats per 1,000 steps; the rates are 4, 12 and 200 with a standard error of 0.3.
    losses = 1000.0 + rate * np.arange(3000) + 3 * noise(3000)
    report = check(svi(posterior, losses, "plateau"))
    assert [f.severity for f in report.findings] == ([] if severity is None else [severity])
    if severity is None:
        assert "the loss was level" in str(report)
    else:
        assert ("went up" in report.findings[0].title) == (rate > 0)


@pytest.mark.parametrize("stopped", ["step limit", "interrupted"])
def test_stopped_early_but_level_is_a_note(posterior: Posterior, stopped: str) -> None:
    report = check(svi(posterior, noise(3000), stopped))
    assert report.healthy
    assert stopped in report.findings[0].what


def test_interrupted_while_falling_suggests_a_checkpoint(posterior: Posterior) -> None:
    report = check(svi(posterior, -np.arange(3000.0), "interrupted"))
    assert "checkpoint" in report.findings[0].remedy


@pytest.mark.parametrize("steps", [1, 49])
def test_hardly_begun(posterior: Posterior, steps: int) -> None:
    report = check(svi(posterior, noise(steps), "step limit"))
    assert report.findings[0].severity == "serious"
    assert f"{steps} steps" in report.findings[0].title


def test_broken_down(posterior: Posterior) -> None:
    stopped = "loss not finite at step 700, site 'scale'"
    report = check(svi(posterior, noise(700), stopped))
    assert report.findings[0].severity == "serious"
    assert "site 'scale'" in report.findings[0].what
    report = check(svi(posterior, np.append(noise(700), np.nan), "step limit"))
    assert report.findings[0].title == "The training broke down"


def test_an_optimiser_that_gave_up(posterior: Posterior) -> None:
    report = check(posterior.with_record(stopped="STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"))
    assert report.findings[0].severity == "warning"
    assert "ITERATIONS" in report.findings[0].what and "iterations=5000" in report.findings[0].remedy


def test_evaluations_of_an_optimiser_have_no_slope(posterior: Posterior) -> None:
    falling = -np.arange(3000.0)
    assert check(posterior.with_record(losses=falling, log_weights=None)).healthy
