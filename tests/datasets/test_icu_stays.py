"""Synthetic stays: their shape, and that their targets follow the stated truth."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bayes_mtl._errors import InputError
from bayes_mtl.data import TaskData
from bayes_mtl.datasets import StayTruth, icu_stays


@pytest.fixture(scope="module")
def made() -> tuple[TaskData, StayTruth]:
    return icu_stays(300, (48, 60), seed=1)


def test_the_shape_is_that_of_the_benchmark(made: tuple[TaskData, StayTruth]) -> None:
    data, _ = made
    assert data.x.shape == (300, 60, 76) and data.x.dtype == np.float32
    assert data.length is not None and data.step is not None
    assert data.length.min() >= 48 and data.length.max() <= 60
    tasks, groups = data.schema.tasks, data.schema.task_groups
    assert tasks == (*(f"phenotype[{i}]" for i in range(25)), "mortality", "stay", "decompensation")
    assert groups == ("phenotype",) * 25 + ("",) * 3
    hours = data.length.sum()
    assert data.counts.tolist() == [300] * 26 + [hours] * 2
    assert set(data.y[data.task == 26]) == set(range(10))
    assert set(data.step[data.task == 25]) == {47}
    valid = np.arange(60) < data.length[:, None]
    one_hot = [
        i for i, name in enumerate(data.schema.features) if name.startswith("Glascow coma scale total->")
    ]
    assert len(one_hot) == 13 and (data.x[valid][:, one_hot].sum(1) == 1).all()
    masks = data.x[valid][:, -17:]
    assert set(np.unique(masks)) == {0.0, 1.0} and 0.2 < masks.mean() < 0.9


def test_targets_follow_the_predictors(made: tuple[TaskData, StayTruth]) -> None:
    data, truth = made
    own = data.task == 27
    p = 1 / (1 + np.exp(-truth.predictor[own]))
    # 4 standard errors of independent targets given their probabilities
    assert abs(data.y[own].mean() - p.mean()) < 4 * np.sqrt((p * (1 - p)).mean() / own.sum())
    assert roc_auc_score(data.y[own], p) > 0.8
    stay = data.task == 26
    above = 1 / (1 + np.exp(truth.cutpoints - truth.predictor[stay][:, None]))
    expected = above.sum(1)
    spread = np.sqrt(25 / stay.sum())  # a class number has a variance below 9 squared over 4
    assert abs(data.y[stay].mean() - expected.mean()) < 4 * spread
    step = np.asarray(data.step)[own]
    np.testing.assert_allclose(
        truth.predictor[own], truth.state[data.index[own], step] @ truth.weights[27] - 3
    )


def test_a_seed_is_a_data_set_and_short_stays_are_refused() -> None:
    one, other = icu_stays(5, seed=3)[0], icu_stays(5, seed=3)[0]
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.y, other.y)
    with pytest.raises(InputError, match="at least 48"):
        icu_stays(5, hours=(24, 60))
