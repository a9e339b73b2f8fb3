"""Moments of parts, against numpy's of the whole."""

import numpy as np
import pytest

from bayes_mtl.data._moments import Moments


def test_merged_parts_are_the_whole() -> None:
    values = np.random.default_rng(0).normal(1e6, [1.0, 1e-3], (57, 2))
    total = Moments.none(2)
    for part in np.split(values, [1, 20, 50]):
        total = total.merged(Moments.of(part))
    assert total.count.tolist() == [57.0]
    np.testing.assert_allclose(total.mean, values.mean(0), rtol=1e-14)
    # a spread of 1e-9 of the mean leaves 7 of float64's 16 digits
    np.testing.assert_allclose(total.sd, values.std(0), rtol=1e-6)
    assert total.low.tolist() == values.min(0).tolist()
    assert total.high.tolist() == values.max(0).tolist()


def test_groups_together_are_the_whole() -> None:
    random = np.random.default_rng(0)
    values, group = random.normal(size=40), np.arange(40) % 3
    found = Moments.by_group(values, group, 3)
    for i in range(3):
        assert found.mean[i] == pytest.approx(values[group == i].mean())
        assert found.sd[i] == pytest.approx(values[group == i].std())
    whole = found.together()
    assert (whole.count[0], whole.mean[0]) == (40.0, pytest.approx(values.mean()))
    assert whole.sd[0] == pytest.approx(values.std())


def test_constants_have_scale_one() -> None:
    assert Moments.of(np.full((7, 1), 0.1)).scale.tolist() == [1.0]
