"""Priors that decide, and priors that the data contradict."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro.distributions import Dirichlet, HalfNormal, LogNormal, Normal
from scipy import stats

from bayes_mtl import MultiTaskModel
from bayes_mtl.diagnostics import Finding, check
from bayes_mtl.diagnostics._check_priors import overlap, tail
from bayes_mtl.diagnostics._hyper_sites import HyperSites
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior, GumbelSoftmax, Hierarchical, Independent
from tests.diagnostics.posteriors import data
from tests.posterior.examples import example


def test_overlap_of_gaussians_is_known() -> None:
    rng = np.random.default_rng(0)
    prior = rng.normal(size=(2000, 3))
    shared = overlap(np.stack([rng.normal(size=2000) + m for m in (0.0, 1.0, 6.0)], 1), prior)
    # Two Gaussians m apart share 2 Phi(-m / 2). Ten bins see a little less of a difference, 2,000 draws take
    # up to 0.05 from two equal ones.
    assert shared[0] > 0.95
    assert shared[1] == pytest.approx(2 * stats.norm.cdf(-0.5), abs=0.05)
    assert shared[2] <= 0.11


def sites(fn: torch.distributions.Distribution, median: float) -> HyperSites:
    prior = fn.sample((1000,)).reshape(1000, 1)
    expanded = fn.expand([1000, 1])
    return HyperSites(
        ["a"], np.full((1000, 1), median), prior.numpy(), np.zeros(1000), [(expanded, 0, median)]
    )


@pytest.mark.parametrize(
    ("fn", "median", "expected"),
    [
        (Normal(0.0, 1.0), 2.9, 2 * stats.norm.sf(2.9)),  # both tails have that density
        (HalfNormal(1.0), 3.1, 2 * stats.norm.sf(3.1)),
        (HalfNormal(1.0), 0.001, 1.0),  # the density is largest at zero: nothing contradicts it
        (
            LogNormal(0.0, 1.0),
            30.0,
            stats.norm.sf(np.log(30.0)),
        ),  # close to zero less than 1e-9 has less density
    ],
)
def test_mass_in_the_tail(fn: torch.distributions.Distribution, median: float, expected: float) -> None:
    torch.manual_seed(0)
    (found,) = tail(sites(fn, median))
    # 10,000 draws: three binomial standard errors
    assert found == pytest.approx(expected, abs=3 * (expected * (1 - min(expected, 0.99)) / 10_000) ** 0.5)


def findings(prior: AbstractTaskPrior, tasks: int) -> list[Finding]:
    model = MultiTaskModel(prior, Gaussian())
    report = check(Collapsed(draws=1000).run(model, data(tasks)))
    return [f for f in report.findings if "rior" in f.title]


def test_a_contradicted_prior_is_a_warning() -> None:
    # the weights are about 0.6 of the targets' spread
    (first, *_) = findings(Independent(LogNormal(-4.0, 0.3)), 20)
    assert (first.severity, first.names) == ("warning", ("scale",))
    assert first.title == "The data contradict the prior of scale" and "wider prior" in first.remedy


def test_what_the_prior_decides_is_a_note() -> None:
    (finding,) = findings(Hierarchical(mean=Normal(0.0, 0.02)), 5)
    assert finding.severity == "note" and finding.names[0] in ("mean[Intercept]", "mean[intake]", "mean[age]")
    assert "as their priors left them" in finding.what and "of 10 hyperparameters" in finding.title


def test_weak_priors_have_nothing_to_say() -> None:
    assert findings(Independent(HalfNormal(10.0)), 20) == []


def test_priors_that_are_no_distribution_are_left_out() -> None:
    one, _ = example(GumbelSoftmax(), draws=2)
    posterior = replace(one, draws={name: torch.cat([value] * 125) for name, value in one.draws.items()})
    assert "priors of" not in str(check(posterior))


def test_shares_have_no_density_of_single_entries() -> None:
    fn = Dirichlet(torch.ones(2))
    given = HyperSites(
        ["a"], np.full((1000, 1), 1e-9), fn.sample((1000,)).numpy()[:, :1], np.zeros(1000), [None]
    )
    assert tail(given).tolist() == [1.0]
