"""A part of the draws first, all where it matters."""

from dataclasses import replace

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel
from bayes_mtl.diagnostics import _screened as module
from bayes_mtl.diagnostics import loo
from bayes_mtl.diagnostics._each_observation import each_observation
from bayes_mtl.diagnostics._screened import screened
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import data, exact


def test_what_stands_out_is_judged_by_all_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    given = data(20)
    y = given.y.copy()
    y[[3, 137]] += 12.0
    far = replace(given, y=y)
    posterior = Collapsed(draws=1000).run(MultiTaskModel(Hierarchical(), Gaussian()), far)
    monkeypatch.setattr(module, "_ENOUGH", 1)  # 200 draws
    found, whole = screened(posterior, far), loo(posterior, far)
    assert whole.pareto_k[[3, 137]].min() > 0.5
    # the same draws; float32 sums in another order
    assert found.k[[3, 137]] == pytest.approx(whole.pareto_k[[3, 137]], abs=1e-4)
    assert found.elpd[137] == pytest.approx(whole.elpd[137], abs=1e-3)
    # A fifth of the draws: ratios vary by 0.5 at most for the rest, 0.03 a standard error; five of them
    rest = found.k <= 0.4
    assert rest.mean() > 0.9
    assert np.abs(found.elpd - whole.elpd)[rest].max() < 0.16
    assert not (whole.unreliable & rest).any()


def test_few_observations_take_all_draws() -> None:
    posterior = exact(5, draws=400)
    found, whole = screened(posterior, data(5)), each_observation(posterior, data(5))
    assert found.pit == pytest.approx(whole.pit, abs=0.02)
    assert found.inside == pytest.approx(whole.inside, abs=1e-12)
    assert found.elpd == pytest.approx(whole.elpd, abs=0.02)  # smoothing of tails that hardly count
