"""Hyperparameters with the weights integrated out, and approximations beside them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.diagnostics import _exact_hyperparameters, check
from bayes_mtl.diagnostics._check_hyperparameters import check_hyperparameters
from bayes_mtl.diagnostics._exact_hyperparameters import ExactHyperparameters, exact_hyperparameters
from bayes_mtl.diagnostics._remedies import better_inferences
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.inference._adaptive_importance import WeightedPoints
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._potential import Potential
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent
from tests.inference.cases import known, rows

DATA = rows((8, 8, 8, 8, 8, 8))
DIAGONAL = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), standardize=False)


@pytest.fixture(scope="module")
def laplace() -> Posterior:
    return Collapsed(MAP(), draws=1000).run(DIAGONAL, DATA)


@pytest.fixture(scope="module")
def exact(laplace: Posterior) -> ExactHyperparameters:
    found = exact_hyperparameters(laplace, DATA)
    assert found is not None and found.found.k < 0.7
    return found


def resampled(posterior: Posterior, exact: ExactHyperparameters) -> Posterior:
    """A posterior whose hyperparameters are draws of the exact one, which an approximation claims to be."""
    chosen = np.random.default_rng(0).choice(
        len(exact.found.weights), posterior.number, p=exact.found.weights
    )
    return replace(posterior, draws=posterior.draws | {k: v[chosen] for k, v in exact.values.items()})


def test_one_scale_by_quadrature() -> None:
    data = known(DATA)
    model = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(noise="known"), standardize=False)
    posterior = Collapsed(MAP(), draws=1000).run(model, data)
    found = exact_hyperparameters(posterior, data)
    assert found is not None and list(found.values) == ["scale"]
    potential = Potential(CollapsedProgram(posterior.program, data))
    grid = torch.linspace(-3.0, 3.0, 4001, dtype=torch.float64)  # of the log scale
    with torch.no_grad():
        log = torch.cat([potential.log_density(part.unsqueeze(-1)) for part in grid.split(500)]).numpy()
    mass = np.exp(log - log.max())
    mass /= mass.sum()
    values, mean = found.values["scale"].reshape(-1).log().numpy(), mass @ grid.numpy()
    sd = np.sqrt(mass @ (grid.numpy() - mean) ** 2)
    # standard error of the mean with so many effective draws, and of an sd about 0.7 of it; four of each
    error = sd / np.sqrt(found.found.effective)
    centre = found.found.weights @ values
    assert centre == pytest.approx(mean, abs=4 * error)
    assert np.sqrt(found.found.weights @ (values - centre) ** 2) == pytest.approx(sd, abs=3 * error)


def test_points_without_weight_may_be_anywhere(laplace: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    original = _exact_hyperparameters.adaptive_importance

    def with_one_far_out(*arguments: Any) -> WeightedPoints | None:
        found = original(*arguments)
        if found is None:
            return None
        far = torch.full_like(found.points[:1], 500.0)  # scales whose squares are infinite
        return replace(found, points=torch.cat([found.points, far]), weights=np.append(found.weights, 0.0))

    expected = exact_hyperparameters(laplace, DATA)
    monkeypatch.setattr(_exact_hyperparameters, "adaptive_importance", with_one_far_out)
    found = exact_hyperparameters(laplace, DATA)
    assert found is not None and expected is not None
    assert len(found.found.weights) == len(expected.found.weights) == len(found.values["mean"])
    assert bool(found.values["mean"].isfinite().all())
    for name in ("scale", "noise_scale"):
        assert torch.equal(found.values[name], expected.values[name])


def test_draws_of_the_exact_posterior_are_fine(laplace: Posterior, exact: ExactHyperparameters) -> None:
    outcome = check_hyperparameters(resampled(laplace, exact), DATA)
    assert outcome is not None and not outcome.findings and "effective draws" in outcome.looked_at


@pytest.mark.parametrize(("power", "shift"), [(0.3, 0.0), (1.0, 1.0)])
def test_narrow_and_shifted_ones_are_named(
    laplace: Posterior, exact: ExactHyperparameters, power: float, shift: float
) -> None:
    good = resampled(laplace, exact)
    scale = good.draws["scale"].log()
    centre = scale.median(0, keepdim=True).values
    wrong = (centre + power * (scale - centre) + shift * scale.std(0)).exp()
    bad = replace(good, draws=good.draws | {"scale": wrong})
    report = check(bad, DATA)
    (finding,) = [f for f in report.findings if f.title.startswith("Intervals of hyperparameters")]
    assert finding.severity == "warning" and not report.healthy
    assert {"scale[Intercept]", "scale[x0]", "scale[x1]"} <= set(finding.names)
    assert "Collapsed(hyperparameters=NUTS())" in finding.remedy


def test_what_is_not_looked_at(laplace: Posterior) -> None:
    assert check_hyperparameters(Collapsed(MAP(laplace=0), draws=50).run(DIAGONAL, DATA), DATA) is None
    random = np.random.default_rng(0)
    wide = TaskData.from_arrays(random.normal(size=(60, 8)), random.normal(size=60), np.arange(60) % 3)
    full = MultiTaskModel(Hierarchical(), Gaussian())  # 55 hyperparameters
    assert check_hyperparameters(Collapsed(MAP(), draws=50).run(full, wide), wide) is None


@pytest.mark.parametrize("inference", [Collapsed(MAP(), draws=50), Collapsed(draws=50)])
def test_exact_points_are_suggested_where_they_were_not_tried(inference: Collapsed) -> None:
    remedy = better_inferences(inference.run(DIAGONAL, DATA))
    assert ("Collapsed(), which draws" in remedy) == (inference.hyperparameters is not None)
    assert "Collapsed(hyperparameters=NUTS())" in remedy
