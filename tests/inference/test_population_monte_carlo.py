"""Exact draws of a few parameters without chains."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pyro.distributions import HalfCauchy, Normal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import NUTS, Collapsed, PopulationMonteCarlo, _population_monte_carlo, fit
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical, LowRank, Pooled, TaskCovariance
from tests.inference import cases

DATA = cases.rows((8, 8, 8, 8, 8, 8))
HIERARCHY = MultiTaskModel(Hierarchical(), Gaussian())
QUIET = PopulationMonteCarlo(progress=False)


def test_eight_schools_against_reference_draws(data_dir: Path) -> None:
    """The heavy tail of tau, and its mass at 0, where chains diverge."""
    written = json.loads((data_dir / "reference" / "eight_schools.json").read_text())
    reference = dict(np.load(data_dir / "reference" / "eight_schools_draws.npz"))
    data = TaskData.from_arrays(np.zeros((8, 0)), written["y"], list("abcdefgh"), noise=written["sigma"])
    prior = Hierarchical(mean=Normal(0.0, 5.0), scale=HalfCauchy(5.0), covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(noise="known"), standardize=False)
    draws = Collapsed(PopulationMonteCarlo(draws=4_000, progress=False)).run(model, data).draws
    found = {f"theta[{i + 1}]": draws["weights"][:, i].numpy() for i in range(8)}
    found |= {"mu": draws["mean"].numpy(), "tau": draws["scale"].numpy()}
    for name, values in found.items():
        expected = reference[name]
        # 2,000 draws of the reference and 2,700 effective ones: standard errors of 0.03 of a mean, and for
        # sds of 2 to 3 %, but of 6 % for tau with its tail.
        assert abs(values.mean() - expected.mean()) / expected.std() < 0.12, name
        assert abs(values.std() / expected.std() - 1) < (0.2 if name == "tau" else 0.1), name
        for share in (0.05, 0.5, 0.95):
            below = (values < np.quantile(expected, share)).mean()
            assert below == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1_100)), name


@cases.slow
def test_it_agrees_with_chains() -> None:
    points = Collapsed(PopulationMonteCarlo(draws=2_000, progress=False)).run(HIERARCHY, DATA)
    chains = Collapsed(NUTS(draws=400, warmup=300, progress=False)).run(HIERARCHY, DATA)
    for name in ("mean", "scale", "correlation", "noise_scale", "weights"):
        one, other = (p.draws[name].double().flatten(1) for p in (points, chains))
        used = other.std(0) > 0.01  # the factor of a correlation matrix begins with a constant
        # some 1,300 and 800 effective draws: a standard error of 0.045, and the largest of thirty
        assert (((one.mean(0) - other.mean(0)) / other.std(0))[used].abs()).max() < 0.18, name


def test_of_a_whole_model_with_any_likelihood() -> None:
    """A logistic regression: the posterior's mean is the mean of importance weights over a grid."""
    random = np.random.default_rng(0)
    x = random.normal(size=60)
    y = (x + random.logistic(size=60) > 0).astype(float)
    data = TaskData.from_arrays(x[:, None], y, np.repeat(["a", "b"], 30))
    model = MultiTaskModel(Pooled(), Bernoulli(), standardize=False)
    posterior = QUIET.run(model, data)
    found = posterior.draws["weights"][:, 0, :, 0].double().numpy()
    grid = np.stack(np.meshgrid(np.linspace(-3, 3, 201), np.linspace(-3, 5, 201), indexing="ij"), -1)
    logits = grid[..., :1] + grid[..., 1:] * x
    prior = posterior.program.prior
    assert isinstance(prior, Pooled)
    log = (y * logits - np.logaddexp(0, logits)).sum(-1) - 0.5 * (grid**2).sum(-1) / prior_variance(prior)
    mass = np.exp(log - log.max())
    mass /= mass.sum()
    mean = (mass[..., None] * grid).sum((0, 1))
    sd = np.sqrt((mass[..., None] * (grid - mean) ** 2).sum((0, 1)))
    # 1,000 draws of 2,000 effective points: standard errors of 0.04 of a mean, and of 2.7 % of an sd
    assert (np.abs(found.mean(0) - mean) / sd).max() < 0.16
    assert np.abs(found.std(0) / sd - 1).max() < 0.12


def prior_variance(prior: Pooled) -> float:
    assert isinstance(prior.mean, Normal)
    return float(prior.mean.scale) ** 2


def test_it_says_how_close_it_is() -> None:
    report = check(Collapsed(QUIET).run(HIERARCHY, DATA), DATA)
    assert any(line.startswith("importance sampling: k-hat 0.") for line in report.checked)
    assert not any("approximation" in finding.title for finding in report.findings)


def test_directions_of_either_sign_are_found_and_named() -> None:
    """Both modes in equal shares, which chains hardly reach; a check says that the sign means nothing."""
    posterior = Collapsed(QUIET).run(MultiTaskModel(LowRank(1), Gaussian()), DATA)
    direction = posterior.draws["direction"].flatten(1)
    up = (direction @ direction[0] > 0).double().mean()
    assert float(up) == pytest.approx(0.5, abs=0.1)  # the points of a mode come and go together
    (finding,) = [f for f in check(posterior).findings if f.title.startswith("Labels are exchanged")]
    assert "between draws" in finding.title and finding.severity == "note" and "R-hat" not in finding.what


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"no proposal that covers.* Use NUTS"):
        Collapsed(PopulationMonteCarlo(size=100, rounds=1, progress=False)).run(
            MultiTaskModel(LowRank(2), Gaussian()), DATA
        )
    with pytest.raises(UnsupportedError, match="up to 50 parameters"):
        Collapsed(QUIET).run(MultiTaskModel(TaskCovariance(), Gaussian()), cases.rows((4,) * 12))
    with pytest.raises(UnsupportedError, match="no network"):
        QUIET.run(MultiTaskModel(Hierarchical(), Gaussian(), MLP(3)), DATA)


def test_settings_are_checked() -> None:
    for name in ("draws", "size", "rounds", "components"):
        with pytest.raises(InputError, match=f"{name}: expected at least"):
            PopulationMonteCarlo(**{name: 0})


def test_collapsed_begins_with_it_and_falls_back() -> None:
    assert fit(HIERARCHY, DATA).record.method == "Collapsed(PopulationMonteCarlo)"
    many = MultiTaskModel(TaskCovariance(), Gaussian())  # more than 20 hyperparameters
    assert Collapsed(draws=20).run(many, cases.rows((4,) * 8)).record.method == "Collapsed(MAP)"


def test_collapsed_falls_back_where_draws_cannot_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise UnsupportedError("no")

    monkeypatch.setattr(PopulationMonteCarlo, "sample", refuse)
    record = Collapsed(draws=20).run(HIERARCHY, DATA).record
    assert record.method == "Collapsed(MAP)" and record.settings["tried"] == "no"
    with pytest.raises(UnsupportedError, match="no"):
        Collapsed(QUIET).run(HIERARCHY, DATA)


def test_a_density_without_curvature_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise torch.linalg.LinAlgError("not a number")

    monkeypatch.setattr(_population_monte_carlo, "mode_by_differences", lambda *_: None)
    monkeypatch.setattr(_population_monte_carlo, "curvature", broken)
    with pytest.raises(UnsupportedError, match=r"no mode to begin at.* or use NUTS"):
        Collapsed(QUIET).run(HIERARCHY, DATA)
    assert Collapsed(draws=20).run(HIERARCHY, DATA).record.method == "Collapsed(MAP)"
