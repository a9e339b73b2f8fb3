"""The mode, and the Gaussian around it."""

import warnings
from collections.abc import Callable

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Beta, Gamma, ImproperUniform, LogNormal, Normal, constraints
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import InputError
from bayes_mtl.inference import MAP
from bayes_mtl.inference._mode import _hessian
from bayes_mtl.inference._potential import Potential
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Independent
from tests.inference import cases

DATA = cases.rows((6, 8, 10, 6))
KNOWN = cases.known(DATA)


def test_modes_on_the_unconstrained_scale() -> None:
    def program() -> None:
        pyro.sample("normal", Normal(torch.tensor([1.0, -2.0]).double(), 3.0).to_event(1))
        pyro.sample("log_normal", LogNormal(torch.tensor(0.7).double(), 0.4))
        pyro.sample("gamma", Gamma(torch.tensor(3.0).double(), 2.0))
        with pyro.plate("tasks", 2, dim=-1):
            pyro.sample("beta", Beta(torch.tensor(4.0).double(), 2.0))

    found = MAP(laplace=0, iterations=2000).sample(program, (), {})
    assert found.stopped == "converged"
    # x f(x) is largest at exp(mu) for a log-normal, at a / b for a gamma; x (1 - x) f(x) at a / (a + b).
    # The gradient is below 1e-3 at the end, and the curvature about 0.1 (normal) to 6.
    expected = {"normal": [1.0, -2.0], "log_normal": np.exp(0.7), "gamma": 1.5, "beta": [2 / 3, 2 / 3]}
    for name, mode in expected.items():
        np.testing.assert_allclose(found.values[name].flatten(), np.ravel(mode), atol=1e-2)
    assert {name: tuple(value.shape) for name, value in found.values.items()} == {
        "normal": (1, 1, 2), "log_normal": (1, 1), "gamma": (1, 1), "beta": (1, 2),
    }  # fmt: skip


def test_a_gaussian_posterior_is_found_exactly() -> None:
    posterior = MAP(draws=5000).run(cases.pooled(), KNOWN)
    draws = posterior.draws["weights"][:, 0, :, 0].double()
    mean, covariance = cases.pooled_posterior(KNOWN)
    sd = covariance.diagonal().sqrt()
    # 4 Monte-Carlo standard errors of 5,000 draws, and the mode's own error of less than 1e-3 / curvature.
    assert ((draws.mean(0) - mean).abs() / sd).max() < 4 / np.sqrt(5000) + 0.01
    correlation = torch.cov(draws.mT) / (sd[:, None] * sd)
    expected = covariance / (sd[:, None] * sd)
    # The standard error of a covariance is at most sqrt(2 / draws) in units of the sds.
    assert (correlation - expected).abs().max() < 4 * np.sqrt(2 / 5000)
    # Importance weights of a Gaussian posterior are all equal.
    assert posterior.record.log_weights is not None
    assert posterior.record.log_weights.std() < 1e-3


def test_the_hessian_of_a_density_that_is_not_gaussian() -> None:
    def program() -> None:
        scale = pyro.sample("scale", LogNormal(torch.zeros((), dtype=torch.float64), 1.0))
        x = pyro.sample("x", Normal(scale.new_zeros(()), 2.0))
        pyro.sample("y", Normal(x, scale), obs=scale.new_tensor(1.5))

    potential = Potential(program)
    u, x = 0.3, 0.4
    # log p = -u^2 / 2 - x^2 / 8 - u - (1.5 - x)^2 exp(-2 u) / 2, u = log scale
    shrink, left = np.exp(-2 * u), 1.5 - x
    expected = [[-1 - 2 * left**2 * shrink, -2 * left * shrink], [-2 * left * shrink, -0.25 - shrink]]
    # Central differences of step 1e-4 in float64
    np.testing.assert_allclose(_hessian(potential, torch.tensor([u, x]).double()), expected, rtol=1e-6)


def saddle() -> None:
    """Nothing but a saddle point at the start, 0."""
    x = pyro.sample("x", ImproperUniform(constraints.real, (), (2,)))
    pyro.factor("bent", x[..., 0] ** 2 - x[..., 1] ** 2)


def flat() -> None:
    """One direction is curved, and one is not."""
    x = pyro.sample("x", ImproperUniform(constraints.real, (), (2,)))
    pyro.factor("bent", -0.5 * (x[..., 0] + x[..., 1]) ** 2)


def test_a_saddle_point_is_reported() -> None:
    start = {"x": torch.zeros(2)}
    with pytest.warns(UserWarning, match="posterior still rises"):
        found = MAP(draws=4000).sample(saddle, (), start)
    draws = found.values["x"].reshape(-1, 2)
    assert float(draws[:, 0].std()) == 0.0
    # 4 standard errors of the sd of 4,000 draws are 4.5 %
    assert float(draws[:, 1].std()) == pytest.approx(np.sqrt(0.5), rel=0.045)


def test_flat_directions_stay_where_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = MAP(draws=4000).sample(flat, (), {"x": torch.tensor([1.0, -1.0])})
    draws = found.values["x"].reshape(-1, 2)
    np.testing.assert_allclose((draws[:, 0] - draws[:, 1]), 2.0, atol=1e-6)
    # 4 standard errors of the sd of 4,000 draws are 4.5 %
    assert float(draws.sum(-1).std()) == pytest.approx(1.0, rel=0.045)


class Identity(nn.Module):
    """A network that does nothing."""

    out_features = 2

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor | None) -> Tensor:
        return x


def test_the_mode_is_the_same_with_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_mtl.inference._map._GAIN_OF_POINT", 1e-9)
    data, prior = cases.rows((4, 4)), Hierarchical(covariance="diagonal")
    direct = MAP(laplace=0).run(MultiTaskModel(prior, Gaussian()), data)
    model = MultiTaskModel(prior, Gaussian(), network=Identity())
    network = MAP(iterations=100, progress=False).run(model, data)
    assert (network.record.method, network.number, network.record.log_weights) == ("MAP", 1, None)
    for name in ("weights", "noise_scale", "scale", "mean"):
        # Both are converged to 1e-4; the mode on the constrained scale has a noise smaller by 0.03.
        np.testing.assert_allclose(network.draws[name], direct.draws[name], atol=2e-3)


def test_many_parameters_give_the_mode_alone() -> None:
    posterior = MAP(laplace=10).run(MultiTaskModel(Hierarchical(), Gaussian()), DATA)
    assert posterior.number == 1
    assert posterior.record.log_weights is None
    assert posterior.record.stopped == "converged"


def test_too_few_iterations_are_recorded() -> None:
    posterior = MAP(laplace=0, iterations=1).run(MultiTaskModel(Independent(), Gaussian()), DATA)
    assert "converged" not in posterior.record.stopped
    assert "LIMIT" in posterior.record.stopped


@pytest.mark.parametrize("settings", [{"draws": 0}, {"iterations": 0}])
def test_bad_settings(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(settings))}.*: expected at least 1"):
        MAP(**settings)


@pytest.mark.parametrize("program", [saddle, flat])
def test_the_log_weights_are_finite(program: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MAP().sample(program, (), {"x": torch.zeros(2)})
    assert found.log_weights is not None
    assert np.isfinite(found.log_weights).all()
