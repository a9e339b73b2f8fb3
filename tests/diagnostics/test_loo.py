"""Leave one observation out against ArviZ and a closed form."""

import warnings
from dataclasses import replace

import arviz
import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from bayes_mtl import _arviz
from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import LeaveOneOut, _one_by_one, loo
from bayes_mtl.diagnostics import _each_observation as module
from bayes_mtl.inference import Collapsed
from tests.diagnostics.posteriors import data, exact
from tests.inference.cases import known, pooled, rows


def of_arviz(found: LeaveOneOut, reference: object) -> None:
    assert found.total == pytest.approx(reference.elpd_loo, abs=1e-3)  # float32 draws
    assert found.elpd == pytest.approx(np.asarray(reference.loo_i), abs=1e-4)
    assert found.pareto_k == pytest.approx(np.asarray(reference.pareto_k), abs=1e-3)
    assert found.se == pytest.approx(reference.se, rel=1e-4)
    assert found.gap.sum() == pytest.approx(reference.p_loo, abs=1e-3)


@pytest.mark.skipif(_arviz.generation() >= 1, reason="its loo has another signature")
def test_it_is_arvizs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGEST", 400 * 30)  # several parts
    monkeypatch.setattr(_one_by_one, "_BLOCK", 400 * 7)  # of several blocks
    posterior = exact(5, draws=400)
    found = loo(posterior, data(5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large k, which we report ourselves
        of_arviz(found, arviz.loo(posterior.to_arviz(data(5)), pointwise=True))
    frame = found.to_frame()
    assert list(frame["task"].unique()) == list(posterior.tasks)
    assert found.by_task["elpd"].sum() == pytest.approx(found.total)
    assert repr(found).startswith("LeaveOneOut(elpd -")


def test_it_is_the_closed_form() -> None:
    given = known(rows((40,)))
    posterior = Collapsed(draws=3000).run(pooled(), given)
    design = torch.cat([torch.ones(len(given), 1).double(), torch.as_tensor(given.x)], 1)
    noise = torch.as_tensor(given.noise).square().diag()
    full = MultivariateNormal(torch.zeros(len(given)).double(), design @ design.mT + noise)
    y = torch.as_tensor(given.y)
    precision = torch.linalg.inv(full.covariance_matrix)
    variance = 1 / precision.diagonal()
    mean = y - variance * (precision @ y)
    expected = torch.distributions.Normal(mean, variance.sqrt()).log_prob(y).numpy()
    found = loo(posterior, given)
    # the importance ratios vary by about 1, so 3,000 draws leave 0.018 a standard error; four of them
    reliable = ~found.unreliable
    assert reliable.mean() > 0.9
    assert found.elpd[reliable] == pytest.approx(expected[reliable], abs=0.073)


@pytest.mark.parametrize(("draws", "limit"), [(100, 0.5), (2_000, 1 - 1 / 3.30103), (10_000, 0.7)])
def test_fewer_draws_bear_less_of_a_tail(draws: int, limit: float) -> None:
    """1 - 1 / log10(draws), up to 0.7."""
    k = limit + np.array([-0.01, 0.01, -np.inf, np.nan])
    nothing = np.zeros(4)
    found = LeaveOneOut("observations", nothing, nothing, k, np.zeros(4, int), ("a",), np.arange(4), draws)
    assert found.limit == pytest.approx(limit, abs=1e-5)
    assert found.unreliable.tolist() == [False, True, False, True]


def test_an_outlier_is_named() -> None:
    given = known(rows((6, 6, 6)))
    y = given.y.copy()
    y[3] += 40.0
    far = replace(given, y=y)
    found = loo(Collapsed(draws=1000).run(pooled(), far), far)
    assert int(np.argmax(found.pareto_k)) == 3 and found.unreliable[3]
    assert "unreliable" in repr(found)


def test_a_weight_of_two_is_left_out_twice() -> None:
    given = known(rows((40,)))
    weighted = replace(given, weight=np.where(np.arange(len(given)) == 2, 2.0, 1.0))
    posterior = Collapsed(draws=3000).run(pooled(), weighted)
    without = Collapsed(draws=3000).run(pooled(), given.subset(np.arange(len(given)) != 2))
    expected = without.score(given.subset([2])).log_density[0]
    # four standard errors of ratios that vary by about 1
    assert loo(posterior, weighted).elpd[2] == pytest.approx(expected, abs=0.08)


def test_other_data_are_refused() -> None:
    posterior = exact(5, draws=100)
    with pytest.raises(InputError, match="data: expected the 100 observations of the fit, found 99"):
        loo(posterior, data(5).subset(np.arange(99)))
    with pytest.raises(InputError, match="5 tasks"):
        loo(posterior, data(4))
    single = replace(posterior, draws={name: value[:1] for name, value in posterior.draws.items()})
    with pytest.raises(InputError, match="several draws"):
        loo(single, data(5))
