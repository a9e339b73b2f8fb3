"""Corrected approximations against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from torch.distributions import MultivariateNormal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import SVI, Collapsed, importance_resample
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Independent

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(16, 1)) + 1.2  # intercept and slope are correlated
DATA = TaskData.from_arrays(X, RANDOM.normal(size=16), np.repeat(["a", "b"], 8), noise=np.full(16, 0.8))
MODEL = MultiTaskModel(Independent(), Gaussian(noise="known"), standardize=False)


def closed_form() -> MultivariateNormal:
    """Posterior of both tasks' weights ``[tasks]``."""
    design = torch.cat([torch.ones(16, 1), torch.as_tensor(X)], 1).double().reshape(2, 8, 2)
    y = torch.as_tensor(DATA.y).reshape(2, 8, 1)
    precision = design.mT @ design / 0.64 + torch.eye(2).double()
    mean = torch.linalg.solve(precision, design.mT @ y / 0.64).squeeze(-1)
    return MultivariateNormal(mean, precision_matrix=precision)


def approximate(spread: float, shift: float, draws: int = 8000) -> Posterior:
    """Draws of a Gaussian that is off, with the weights that say so."""
    exact = closed_form()
    guide = MultivariateNormal(exact.mean + shift * exact.stddev, exact.covariance_matrix * spread**2)
    torch.manual_seed(1)
    weights = guide.sample((draws,))
    log = (exact.log_prob(weights) - guide.log_prob(weights)).sum(-1)
    base = Collapsed(draws=2).run(MODEL, DATA)
    found = replace(base, draws={"weights": weights.float().unsqueeze(-1)})
    return found.with_record(method="SVI", log_weights=log.numpy())


def test_it_is_the_closed_form() -> None:
    exact, rough = closed_form(), approximate(1.4, 0.4)
    found = importance_resample(rough)
    for posterior, right in ((rough, False), (found, True)):
        weights = posterior.draws["weights"].squeeze(-1).double()
        # 4 standard errors of the 1,500 independent draws that 8,000 are worth here
        close = ((weights.mean(0) - exact.mean) / exact.stddev).abs().max() < 4 / np.sqrt(1500)
        same = (weights.std(0) / exact.stddev - 1).abs().max() < 4 / np.sqrt(2 * 1500)
        assert bool(close and same) == right
    assert found.record.log_weights is None and "worth" in found.record.settings["resampled"]
    assert found.number == 8000 and importance_resample(rough, draws=10).number == 10


def test_it_does_not_touch_what_it_is_given() -> None:
    rough = approximate(1.2, 0.1, 500)
    before, state = rough.draws["weights"].clone(), torch.get_rng_state()
    one, two = importance_resample(rough, seed=4), importance_resample(rough, seed=4)
    assert torch.equal(one.draws["weights"], two.draws["weights"])
    assert torch.equal(rough.draws["weights"], before) and rough.record.log_weights is not None
    assert torch.equal(torch.get_rng_state(), state)


def test_a_mean_field_guide_gets_its_correlation_back() -> None:
    exact = closed_form()
    svi = SVI(guide=AutoNormal, steps=400, learning_rate=0.05, progress=False, draws=4000, compile=False)
    rough = svi.run(MODEL, DATA)
    found = importance_resample(rough)
    expected = exact.covariance_matrix[:, 0, 1] / exact.stddev.prod(-1)
    assert expected.abs().min() > 0.45
    for t in range(2):
        before, after = (np.corrcoef(p.draws["weights"][:, t, :, 0].numpy().T)[0, 1] for p in (rough, found))
        assert abs(before) < 0.1
        assert after == pytest.approx(float(expected[t]), abs=0.1)


def test_what_it_refuses() -> None:
    with pytest.raises(UnsupportedError, match=r"k-hat is .* at most 0.7.*Escalation"):
        importance_resample(approximate(0.4, 0.0))
    with pytest.raises(UnsupportedError, match="so few draws"):
        importance_resample(approximate(1.1, 0.0, 20))
    with pytest.raises(UnsupportedError, match="no importance weights"):
        importance_resample(Collapsed(draws=50).run(MODEL, DATA))
    chains = approximate(1.1, 0.0, 50).with_record(method="NUTS", log_weights=None)
    with pytest.raises(UnsupportedError, match="NUTS"):
        importance_resample(chains)
    with pytest.raises(UnsupportedError, match="already"):
        importance_resample(approximate(1.1, 0.0, 50).with_record(method="adapt(SVI)"))
    with pytest.raises(InputError, match="draws"):
        importance_resample(approximate(1.1, 0.0, 50), draws=0)


def test_a_corrected_posterior_is_checked_as_exact() -> None:
    found = check(importance_resample(approximate(1.4, 0.4)).with_record(losses=np.zeros(0)))
    assert not any("k-hat" in finding.title for finding in found.findings)
