"""The pair of correlated tasks, against its definition."""

import numpy as np
import pytest

from bayes_mtl._errors import InputError
from bayes_mtl.datasets import correlated_pair


@pytest.mark.parametrize("p", [-1.0, 0.0, 0.4, 1.0])
def test_targets_are_those_of_the_definition(p: float) -> None:
    data, truth = correlated_pair(rows=4000, correlation=p, features=10, seed=1)
    assert data.schema.tasks == ("first", "second") and data.counts.tolist() == [4000, 4000]
    norm = np.linalg.norm(truth.weights, axis=1)
    np.testing.assert_allclose(norm, 0.3)
    assert truth.weights[0] @ truth.weights[1] / 0.09 == pytest.approx(p, abs=1e-12)  # float64
    for t, w in enumerate(truth.weights):
        z = data.x @ w
        expected = z + np.sin(truth.frequencies * z[:, None] + truth.phases).sum(1)
        np.testing.assert_allclose(truth.mean[:, t], expected, atol=1e-9)  # float64
        noise = data.y[data.task == t] - expected
        # 4 standard errors of 4,000 draws
        assert abs(noise.std() - 0.1) < 4 * 0.1 / np.sqrt(8000) and abs(noise.mean()) < 4 * 0.1 / np.sqrt(
            4000
        )
    if p == 1.0:
        np.testing.assert_allclose(truth.mean[:, 0], truth.mean[:, 1], atol=1e-9)


def test_out_of_range() -> None:
    with pytest.raises(InputError, match="from -1 to 1"):
        correlated_pair(correlation=1.1)
    with pytest.raises(InputError, match="at least 2"):
        correlated_pair(features=1)
