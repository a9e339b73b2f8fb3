"""All checks together."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import HalfNormal, Normal
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._shapes import Dims
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import MAP, SVI, Collapsed, fit
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent, Pooled, TaskClustering
from tests.diagnostics.posteriors import as_chains, data, exact, moved


@dataclass(frozen=True)
class Mine(AbstractTaskPrior):
    """A prior that only its user has."""

    def weights(self, dims: Dims) -> Tensor:
        with dims.plate():
            one = torch.ones(())
            return pyro.sample("weights", Normal(0 * one, one).expand(list(dims.weights)).to_event(2))


@pytest.mark.parametrize("prior", [Hierarchical(), Pooled()])
def test_a_healthy_fit_has_no_warnings(prior: AbstractTaskPrior) -> None:
    report = check(fit(MultiTaskModel(prior, Gaussian()), data(60)))
    assert report.healthy, str(report)
    assert "60 tasks and 1,200 observations" in str(report)
    for looked_at in ("draws:", "importance sampling: k-hat"):
        assert f"- {looked_at}" in str(report)
    report = check(Collapsed(MAP()).run(MultiTaskModel(prior, Gaussian()), data(60)))
    assert report.healthy, str(report)
    for looked_at in ("draws:", "training:", "closeness of the approximation:"):
        assert f"- {looked_at}" in str(report)


@pytest.mark.usefixtures("captured")
def test_healthy_svi_has_no_warnings() -> None:
    model = MultiTaskModel(Pooled(), Gaussian())
    fitted = SVI(steps=1500, compile=True, progress=False, particles=1).run(model, data(5))
    assert check(fitted).healthy, str(check(fitted))


@pytest.mark.parametrize(("tasks", "severity"), [(8, "warning"), (30, "note")])
def test_hyperparameters_at_their_mode(tasks: int, severity: str) -> None:
    (finding,) = check(exact(tasks, laplace=0)).findings
    assert (finding.severity, finding.title) == (severity, "Hyperparameters are a point estimate")
    assert finding.names == ("correlation", "noise_scale", "scale")  # the mean is drawn given these
    assert "Collapsed(hyperparameters=NUTS())" in finding.remedy


def test_a_single_point_has_no_intervals() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, [4]))
    fitted = MAP(iterations=20, progress=False).run(model, data(5))
    found = [finding for finding in check(fitted).findings if "single point" in finding.title]
    assert [finding.severity for finding in found] == ["warning"]
    assert found[0].remedy.startswith("SVI()")


def test_draws_that_are_not_numbers_name_the_task() -> None:
    posterior = exact(tasks=30, draws=200)
    broken = moved(posterior, "weights", (3, 0, 0), torch.full((200,), float("nan")))
    first = check(broken).findings[0]
    assert first.severity == "serious"
    assert first.names == ("weights", "school 003")
    # chains with such draws must not break the check either
    assert check(as_chains(broken)).findings[0].names == ("weights", "school 003")


@pytest.mark.parametrize("kind", ["approximation", "chains", "point"])
def test_a_file_has_the_same_report(kind: str, tmp_path: Path) -> None:
    posterior = exact(8, draws=400, laplace=0 if kind == "point" else 150)
    posterior = as_chains(posterior, divergences=3) if kind == "chains" else posterior
    posterior.save(tmp_path / "posterior")
    loaded, found = check(load(tmp_path / "posterior")), check(posterior)
    assert str(replace(loaded, took="")) == str(replace(found, took=""))
    assert found.took.endswith("of the fit's time")


def test_a_prior_of_the_users_own_may_be_missing(tmp_path: Path) -> None:
    model = MultiTaskModel(Mine(), Gaussian())
    fitted = SVI(steps=60, progress=False, draws=200).run(model, data(4))
    fitted.save(tmp_path / "posterior")
    report = check(load(tmp_path / "posterior"))
    assert not report.healthy  # 60 steps
    chains = check(as_chains(load(tmp_path / "posterior")))
    assert "13 quantities" in str(chains)


def test_hostile_names_stay_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    posterior = as_chains(exact(names=(evil, "b", "c"), draws=400))
    shift = torch.cat([torch.zeros(300), torch.full((100,), 9.0)])
    report = check(moved(posterior, "weights", (0, 0, 0), shift))
    assert any(evil in name for name in report.findings[0].names)
    assert evil in str(report)
    assert "<img" not in report._repr_html_()
    assert "&lt;img" in report._repr_html_()


def test_remedies_without_a_closed_form_do_not_offer_it() -> None:
    binary = data(4)
    binary = TaskData.from_arrays(binary.x, binary.y > 0, binary.task)
    fitted = SVI(steps=60, progress=False, draws=200).run(MultiTaskModel(Hierarchical(), Bernoulli()), binary)
    far = fitted.with_record(log_weights=np.random.default_rng(0).standard_cauchy(200))
    finding = next(f for f in check(far).findings if "k-hat" in f.title)
    assert "Collapsed" not in finding.remedy and "NUTS()" in finding.remedy


def test_the_check_leaves_posterior_and_random_state_alone() -> None:
    posterior = exact(5, draws=200)
    before: dict[str, Tensor] = {name: value.clone() for name, value in posterior.draws.items()}
    state = torch.get_rng_state()
    check(posterior)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in posterior.draws.items())


@pytest.mark.parametrize(
    "prior", [TaskClustering(2, weights_prior="gate", task_mean=True), Independent(HalfNormal(1.0))]
)
def test_collapsed_fits_with_features_of_tasks_are_checked(prior: AbstractTaskPrior) -> None:
    """What is asked of the prior again is asked with these."""
    rows = data(6)
    rows = TaskData.from_arrays(rows.x, rows.y, rows.task, task_features=np.arange(6.0)[:, None])
    fitted = Collapsed(MAP(laplace=0), draws=50).run(MultiTaskModel(prior, Gaussian()), rows)
    report = check(fitted, rows)
    assert any(finding.title == "Hyperparameters are a point estimate" for finding in report.findings)
