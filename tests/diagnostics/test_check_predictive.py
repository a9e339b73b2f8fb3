"""Simulated targets beside the data: nothing is found where a model is right, and what is wrong is named."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.diagnostics import Finding, check
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    Mixed,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)
from bayes_mtl.posterior._evaluate import distribution
from bayes_mtl.priors import Pooled
from tests.plots.posteriors import names
from tests.posterior.examples import make_posterior

TASKS, ROWS, DRAWS = 20, 40, 250


def known(
    likelihood: AbstractLikelihood, seed: int = 0, censored: bool = False
) -> tuple[Posterior, TaskData]:
    """Unknowns that are known, and targets simulated from them."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(TASKS), ROWS)
    x = rng.normal(size=(len(task), 1))
    y = np.arange(len(task)) % (2 if isinstance(likelihood, (Bernoulli, Mixed)) else 3) + (
        1.0 if isinstance(likelihood, (LogNormal, Gamma)) else 0.0
    )
    columns = {"trials": np.full(len(y), 5.0)} if isinstance(likelihood, Binomial) else {}
    if censored:
        columns["censored"] = np.zeros(len(y), dtype=bool)
    given = TaskData.from_arrays(x, y, np.array(names(TASKS))[task], feature_names=["age"], **columns)
    torch.manual_seed(seed)
    fitted = make_posterior(MultiTaskModel(Pooled(), likelihood), given, draws=1)
    draws = {name: value.expand(DRAWS, *value.shape[1:]) for name, value in fitted.draws.items()}
    weights = 0.4 * torch.randn(fitted.draws["weights"].shape)
    fitted = replace(fitted, draws={**draws, "weights": weights.expand(DRAWS, -1, -1, -1)})
    one = {name: value[:1] for name, value in fitted.draws.items()}
    y = distribution(fitted.program, one, fitted.program.batch(given)).sample()[0].double().numpy()
    if censored:
        limit = np.quantile(y, rng.uniform(0.4, 1.0, len(y)))
        return fitted, replace(given, y=np.minimum(y, limit), censored=y > limit)
    return fitted, replace(given, y=y)


def found(fitted: Posterior, data: TaskData) -> list[Finding]:
    report = check(fitted, data)
    assert "simulated targets beside the data: " in str(report)
    return [finding for finding in report.findings if "imulated" in finding.title]


KINDS = {
    "gaussian": Gaussian(),
    "student_t": StudentT(),
    "log_normal": LogNormal(),
    "poisson": Poisson(),
    "negative_binomial": NegativeBinomial(),
    "binomial": Binomial(),
    "bernoulli": Bernoulli(),
    "categorical": Categorical(),
    "ordinal": Ordinal(),
    "mixed": Mixed({name: Bernoulli() for name in names(5)}, default=Gaussian()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_model_has_nothing_to_find(kind: str) -> None:
    assert found(*known(KINDS[kind])) == []


def test_censored_durations() -> None:
    fitted, data = known(LogNormal(), censored=True)
    assert found(fitted, data) == []
    late = replace(data, y=np.where(data.y > np.median(data.y), 5 * data.y, data.y))
    (finding, *_) = found(fitted, late)
    assert finding.names[0].startswith("share that lasts beyond") and "another family" in finding.remedy


def zeros(data: TaskData) -> np.ndarray:
    return np.where(np.arange(len(data)) % 4 == 0, 0.0, data.y)


def far(data: TaskData) -> np.ndarray:
    return np.where(np.arange(len(data)) == 77, data.y + 30 * data.y.std(), data.y)


def floor(data: TaskData) -> np.ndarray:
    return np.maximum(data.y, np.quantile(data.y, 0.2))


def wide(data: TaskData) -> np.ndarray:
    centre = np.bincount(data.task, data.y)[data.task] / ROWS
    return np.where(data.task < 5, centre + 2.5 * (data.y - centre), data.y)


def swapped(data: TaskData) -> np.ndarray:
    return np.where(data.task < 5, 0.0, data.y)


@pytest.mark.parametrize(
    ("kind", "fault", "name", "remedy"),
    [
        ("gaussian", far, "largest", "StudentT for Gaussian"),
        ("gaussian", floor, "smallest", "a limit at which"),
        ("gaussian", wide, "standard deviation", "Gaussian(noise='task')"),
        ("poisson", zeros, "share of zeros", "zeros of another origin"),
        ("bernoulli", swapped, "share of class 1", "features that tell"),
        ("ordinal", swapped, "share of class 0", "features that tell"),
    ],
)
def test_what_is_wrong_is_named(
    kind: str, fault: Callable[[TaskData], np.ndarray], name: str, remedy: str
) -> None:
    fitted, data = known(KINDS[kind])
    findings = found(fitted, replace(data, y=fault(data)))
    assert any(name in finding.names for finding in findings)
    assert findings[0].severity == "warning" and any(remedy in finding.remedy for finding in findings)


def test_counts_that_vary_more_than_poisson_ones() -> None:
    fitted, data = known(Poisson())
    rng = np.random.default_rng(0)
    findings = found(
        fitted, replace(data, y=rng.poisson(data.y * rng.gamma(0.5, 2.0, len(data))).astype(float))
    )
    assert "dispersion" in findings[0].names and "NegativeBinomial for Poisson" in findings[0].remedy


def test_tasks_are_named_worst_first() -> None:
    fitted, data = known(Bernoulli())
    (finding,) = [f for f in found(fitted, replace(data, y=swapped(data))) if "tasks" in f.title]
    assert set(finding.names) == set(names(5))
    assert finding.title == "Targets simulated for 5 of 20 tasks differ from theirs"
