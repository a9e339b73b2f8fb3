"""Data whose formula was fitted to other rows: the names agree and the numbers do not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_mtl import MultiTaskModel, Posterior, TaskData, load
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_posterior


def frame(low: float, levels: str, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": low + rng.uniform(size=60), "g": np.repeat(["a", "b", "c"], 20)})
    return rows.assign(c=np.tile(list(levels), 30), y=np.sin(rows["x"]) + 0.1 * rng.normal(size=60))


def fitted(formula: str, levels: str = "FM") -> tuple[Posterior, TaskData]:
    data = TaskData.from_frame(frame(0.0, levels), task="g", formula=formula)
    return make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data), data


FORMULAS = ["bs(x, df=5)", "scale(x)", "center(x)", "poly(x, 2)", "C(c)", "c", "x + c:x"]


@pytest.mark.parametrize("right", FORMULAS)
def test_levels_knots_and_means_of_other_rows_are_refused(right: str) -> None:
    formula = f"y ~ {right}"
    posterior, data = fitted(formula)
    other = frame(3.0, "AM", seed=1)
    test = TaskData.from_frame(other, task="g", formula=formula)
    assert test.schema.features == data.schema.features
    for ask in (posterior.predict, posterior.log_likelihood, posterior.score):
        with pytest.raises(InputError, match=r"data \(formula\).*schema=posterior.program.schema"):
            ask(test)
    with pytest.raises(InputError, match="with_tasks"):
        posterior.score(test, new_task=True)


def test_the_fitted_encoding_is_taken_however_it_comes(tmp_path: Path) -> None:
    formula = "y ~ bs(x, df=5, extrapolation='extend') + scale(x) + C(c)"
    posterior, data = fitted(formula)
    again = TaskData.from_frame(frame(0.0, "FM"), task="g", formula=formula)
    expected = posterior.score(data).log_density
    np.testing.assert_array_equal(posterior.score(again).log_density, expected)
    np.testing.assert_array_equal(load(posterior.save(tmp_path / "fit")).score(again).log_density, expected)
    rows = frame(0.2, "MM", seed=1)
    test = TaskData.from_frame(rows, task="g", schema=data.schema)
    by_frame = posterior.predict(rows, task="g", kind="mean").mean
    np.testing.assert_allclose(posterior.predict(test, kind="mean").mean, by_frame, atol=1e-5)  # float32
    # columns that are numbers already need no encoding
    names = list(data.schema.features)
    plain = TaskData.from_arrays(data.x, data.y, data.task, task_names=["a", "b", "c"], feature_names=names)
    np.testing.assert_array_equal(posterior.score(plain).log_density, expected)
    new = TaskData.from_frame(rows.assign(g="d"), task="g", schema=data.schema.with_tasks(("d",)))
    assert np.isfinite(posterior.score(new, new_task=True).total)
