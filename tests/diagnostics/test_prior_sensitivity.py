"""Power scaling against ArviZ, and what it says of strong, weak and contradicted priors."""

import arviz
import numpy as np
import pytest
from pyro.distributions import HalfNormal, LogNormal, Normal
from scipy import stats

from bayes_mtl import MultiTaskModel, TaskData, _arviz
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.diagnostics import prior_sensitivity
from bayes_mtl.diagnostics._hyper_sites import hyper_sites
from bayes_mtl.diagnostics._power_scaling import power_scaling
from bayes_mtl.diagnostics._prior_sensitivity import _densities
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent
from tests.diagnostics.posteriors import data
from tests.posterior.examples import example


@pytest.mark.skipif(_arviz.generation() >= 1, reason="its psens has another signature")
def test_it_is_arvizs() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(800, 3)) * [1.0, 5.0, 0.1] + [0.0, 3.0, -2.0]
    log = -0.5 * ((draws[:, 0] - 2.0) / 0.7) ** 2 - np.abs(draws[:, 1])
    inference = arviz.from_dict(posterior={name: draws[None, :, i] for i, name in enumerate("abc")})
    inference.add_groups({"log_prior": {"p": log[None]}})
    expected = arviz.psens(inference, component="prior")
    assert power_scaling(draws, log) == pytest.approx([float(expected[name]) for name in "abc"], rel=1e-6)


def test_scaling_a_gaussian_is_known() -> None:
    # A Gaussian whose density is raised to the power a has the variance 1 / a: it moves. What is independent
    # of the density does not, but for the noise of 4,000 draws.
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4000, 2))
    own, other = power_scaling(draws, -0.5 * draws[:, 0] ** 2)
    assert own > 0.05 and other < 0.02


def fitted(prior: Independent, given: TaskData) -> object:
    posterior = Collapsed(MAP(draws=1000), draws=1000).run(MultiTaskModel(prior, Gaussian()), given)
    return prior_sensitivity(posterior, given).loc["scale"]


def test_what_it_says() -> None:
    given = data(20)
    weak = fitted(Independent(HalfNormal(10.0)), given)
    assert weak["prior"] < 0.05 and weak["diagnosis"] == "none"
    # the weights are about 0.6 of the targets' spread: a scale of 0.02 is contradicted
    wrong = fitted(Independent(LogNormal(-4.0, 0.3)), given)
    assert wrong["prior"] > 0.05 and wrong["diagnosis"] == "prior and data disagree"


def test_few_rows_leave_a_scale_to_its_prior() -> None:
    found = fitted(Independent(LogNormal(-0.5, 0.03)), data(2, rows=4))
    assert found["prior"] > 0.05 > found["likelihood"] and found["diagnosis"] == "strong prior"


def test_only_the_top_of_a_hierarchy_is_a_prior() -> None:
    """Mean, scale and noise by scipy; the weights below them do not count."""
    prior = Hierarchical(mean=Normal(0.5, 2.0), scale=HalfNormal(1.5), covariance="diagonal", centered=True)
    posterior, given = example(prior, Gaussian(scale=HalfNormal(0.7)), draws=6)
    draws = {name: value.double().flatten(1).numpy() for name, value in posterior.draws.items()}
    expected = stats.norm.logpdf(draws["mean"], 0.5, 2.0).sum(1)
    expected += stats.halfnorm.logpdf(draws["scale"], scale=1.5).sum(1)
    expected += stats.halfnorm.logpdf(draws["noise_scale"], scale=0.7).sum(1)
    found = hyper_sites(posterior)
    assert found is not None and draws["weights"].shape[1] == 9
    for own in (_densities(posterior, given, 0)[0], found.log_prior):
        np.testing.assert_allclose(own, expected, rtol=1e-5)  # float32 densities


def test_a_point_is_refused() -> None:
    given = data(5)
    model = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian())
    with pytest.raises(UnsupportedError, match="share one value"):
        prior_sensitivity(Collapsed(MAP(laplace=0), draws=20).run(model, given), given)
