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


THIRDS = np.float32(1) / np.float32(3) * np.array([1.0, 1.0 + 2**-23, 1.0 - 2**-23])
DAYS = 86400.0 * np.arange(30.0)


@pytest.mark.parametrize(
    ("values", "constant"),
    [
        (np.array([0.1 + 0.2, 0.3, 0.3]), True),
        (1e9 * np.array([0.1 + 0.2, 0.3, 0.3]), True),
        (THIRDS.astype(np.float32), True),
        (THIRDS.astype(np.float32).astype(np.float64), True),  # as a frame hands on a column of float32
        (1.7e9 + DAYS, False),
        (1.7e9 + DAYS / 86400.0, False),  # seconds
        ((1.7e9 + DAYS).astype(np.float32), False),
        (1.7e18 + 1e9 * DAYS, False),  # nanoseconds
        (np.array([1e-100, 2e-100]), False),
        (np.array([1e300, 2e300]) ** 0.5, False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 100])
def test_what_is_constant_up_to_rounding_has_scale_one(
    values: np.ndarray, constant: bool, chunk: int
) -> None:
    total = Moments.none(1)
    for start in range(0, len(values), chunk):
        total = total.merged(Moments.of(values[start : start + chunk, None].astype(np.float64)))
    found = total.scale[0]
    # 30 sums of float64 around 1.7e18, whose neighbours are 256 apart, one day being 8.64e13
    assert found == (1.0 if constant else pytest.approx(values.astype(np.float64).std(), rel=1e-6))
