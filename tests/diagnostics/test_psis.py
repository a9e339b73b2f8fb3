"""How well draws of an approximation cover the posterior."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro.infer.autoguide import AutoNormal

from bayes_mtl import MultiTaskModel, Posterior, fit
from bayes_mtl.diagnostics import check
from bayes_mtl.diagnostics._latents import latent_sizes, unknowns
from bayes_mtl.diagnostics._psis import mismatch
from bayes_mtl.inference import SVI, adapt
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import data, exact


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return exact()


def gaussian_log_weights(draws: int, sizes: int, variance: float, seed: int = 0) -> np.ndarray:
    """Target N(0, 1), guide N(0, variance), in ``sizes`` dimensions."""
    z = np.random.default_rng(seed).normal(size=(draws, sizes)) * np.sqrt(variance)
    return ((z**2 / variance - z**2) / 2).sum(1)


def svi(posterior: Posterior, log_weights: np.ndarray) -> Posterior:
    return posterior.with_record(
        method="SVI", losses=np.zeros(1000), stopped="plateau", log_weights=log_weights
    )


def test_unknowns_are_counted_on_the_unconstrained_scale(posterior: Posterior) -> None:
    sizes = {"mean": 3, "scale": 3, "correlation": 3, "weights_noise": 90, "noise_scale": 1}
    assert latent_sizes(posterior) == sizes
    assert unknowns(posterior) == 7  # weights and their mean were drawn exactly
    assert unknowns(posterior.with_record(method="SVI")) == 100


@pytest.mark.parametrize("off", [-0.1, 0.05, 0.1])
def test_mismatch_is_the_error_of_the_standard_deviations(off: float) -> None:
    log_weights = gaussian_log_weights(20_000, 100, (1 + off) ** 2)
    # Exact where too small; where too large, off by its square. Quantiles of 20,000 draws add 1 % (one
    # standard error), the skewness of the sum of 100 chi-squares another 1 %.
    assert mismatch(log_weights, 100) == pytest.approx(abs(off), rel=0.05 if off < 0 else 0.15)


@pytest.mark.parametrize(
    ("variance", "sizes", "severity", "title"),
    [
        (0.1, 1, "note", "k-hat"),  # one of 100 unknowns far off: k = 1 - variance = 0.9
        (0.45, 100, "warning", "The approximation misses part"),  # sd 33 % too small everywhere
        (0.2, 100, "serious", "The approximation is far"),  # sd 55 % too small everywhere
    ],
)
def test_a_guide_that_is_too_narrow(
    posterior: Posterior, variance: float, sizes: int, severity: str, title: str
) -> None:
    report = check(svi(posterior, gaussian_log_weights(2000, sizes, variance)))
    (finding,) = report.findings
    assert finding.severity == severity
    assert title in finding.title and "k-hat" in finding.title
    assert "hyperparameters" in finding.what or severity == "serious"
    order = [finding.remedy.index(w) for w in ("steps", "AutoMultivariateNormal", "Collapsed")]
    assert order == sorted(order)


def test_a_guide_that_is_too_wide_or_right_is_fine(posterior: Posterior) -> None:
    for variance in (1.0001, 1.3):
        report = check(svi(posterior, gaussian_log_weights(2000, 100, variance)))
        assert report.findings == ()
        assert "close" in str(report)


def test_an_exact_guide_has_equal_weights(posterior: Posterior) -> None:
    assert check(svi(posterior, np.zeros(2000))).findings == ()


def test_too_few_draws_ask_for_more(posterior: Posterior) -> None:
    quantiles = (np.arange(200) + 0.5) / 200
    heavy = np.log((1 - quantiles) ** -0.62 - 1)  # shape 0.62: above 1 - 1/log10(200) = 0.57, below 0.7
    (finding,) = check(svi(posterior, heavy)).findings
    assert (finding.severity, "Collapsed(draws=3000).run(" in finding.remedy) == ("note", True)
    assert "not judged" in str(check(svi(posterior, np.linspace(0, 1, 20))))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_densities_that_are_not_numbers(posterior: Posterior, value: float) -> None:
    weights = gaussian_log_weights(2000, 100, 1.0)
    weights[:3] = value
    (finding,) = check(svi(posterior, weights)).findings
    assert finding.severity == "serious"
    assert "3 of 2000 draws" in finding.what


def test_a_wrong_guide_is_found_after_a_real_fit() -> None:
    def narrow(program: torch.nn.Module) -> AutoNormal:
        guide = AutoNormal(program, init_scale=1e-3)
        return guide

    model = MultiTaskModel(Hierarchical(), Gaussian())
    fitted = SVI(guide=narrow, steps=60, learning_rate=1e-4, progress=False, draws=200).run(model, data(6))
    found = [finding for finding in check(fitted).findings if "k-hat" in finding.title]
    assert [finding.severity for finding in found] == ["serious"]


def test_remedies_fit_the_model(posterior: Posterior) -> None:
    laplace = posterior.with_record(log_weights=gaussian_log_weights(2000, 10, 0.3))
    (finding,) = check(laplace).findings
    assert "around the mode" in finding.what
    assert "SVI" not in finding.remedy and "Collapsed(hyperparameters=NUTS())" in finding.remedy


def test_both_parts_of_a_program_may_have_the_plate_of_tasks() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian(noise="task"))
    sizes = latent_sizes(fit(model, data(6)))
    assert sizes == {"mean": 3, "scale": 3, "correlation": 3, "weights_noise": 18, "noise_scale": 6}


def test_new_tasks_that_surprise_the_fit_are_not_blamed_on_its_guide() -> None:
    fitted = fit(MultiTaskModel(Hierarchical(), Gaussian()), data(30))
    new = data(1, names=["newcomer"])
    assert check(adapt(fitted, new)).healthy
    (finding,) = check(adapt(fitted, replace(new, y=50 + 30 * new.y))).findings
    assert finding.title.startswith("The new tasks are unlike")
    assert "Fit again" in finding.remedy
    chains = adapt(fitted.with_record(method="NUTS", log_weights=None), new)
    assert not any("chain" in finding.title for finding in check(chains).findings)
