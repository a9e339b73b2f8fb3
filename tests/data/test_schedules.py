"""Schedules of tasks: what is drawn when, and by how much it counts."""

import numpy as np
import pytest
import torch

from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.data import AbstractSchedule, Batch, ByGap, Minibatches, RoundRobin, TaskData
from tests.data.test_minibatches import shared, skewed, totals, unit_scaling

GAP = ByGap({"a": 0.9, "b": 0.6, "c": 0.4}, {"a": 0.8, "b": 0.8, "c": 0.8}, equal=0.3)


def batches(data: TaskData, schedule: AbstractSchedule, number: int, size: int = 50) -> list[Batch]:
    stream = Minibatches(data, unit_scaling(data), size=size, dtype=torch.float64, schedule=schedule)
    return [stream.next() for _ in range(number)]


def test_round_robin_takes_one_task_a_step_in_turn() -> None:
    data = skewed()
    found = batches(data, RoundRobin(), 30)
    for step, batch in enumerate(found):
        assert batch.task.tolist() == [step % 3] * 50
        # T n_t / size
        torch.testing.assert_close(batch.scale, torch.full_like(batch.scale, 3 * data.counts[step % 3] / 50))


def test_tasks_without_observations_have_no_turn() -> None:
    data = skewed()
    found = batches(data.subset(data.task != 1), RoundRobin(), 4)
    assert [int(batch.task[0]) for batch in found] == [0, 2, 0, 2]
    assert all(
        float(batch.scale[0]) == 2 * count / 50 for batch, count in zip(found, [1, 8] * 2, strict=True)
    )


def test_tasks_behind_their_target_come_more_often() -> None:
    # Gaps of 0, 1/4 and 1/2 of the target, and 0.3 of the draws in equal shares.
    expected = 0.1 + 0.7 * np.array([0.0, 1 / 3, 2 / 3])
    drawn = torch.cat([batch.task for batch in batches(skewed(), GAP, 400)]).numpy()
    # 4 standard errors of a frequency over 20,000 draws
    error = 4 * np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(np.bincount(drawn) / 20_000 - expected) < error).all()
    reached = ByGap({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 1.0, "b": 0.5, "c": -0.5})
    np.testing.assert_allclose(reached.probabilities(0, tuple("abc"), np.ones(3)), 1 / 3)


@pytest.mark.parametrize("schedule", [RoundRobin(), GAP])
def test_every_observation_has_its_weight_in_expectation(schedule: AbstractSchedule) -> None:
    data = skewed(weight=True)
    assert data.weight is not None
    mean = totals(batches(data, schedule, 600))
    probability = np.array([1, 1, 1]) / 3 if schedule == RoundRobin() else 0.1 + np.array([0, 0.7, 1.4]) / 3
    # Counts over 30,000 draws, each of chance p_t / n_t; 4.5 standard errors for 24 comparisons.
    chance = probability[data.task] / data.counts[data.task]
    assert (np.abs(mean - data.weight) <= 4.5 * np.sqrt((1 - chance) / chance / 30_000) * data.weight).all()


def test_rows_that_tasks_share() -> None:
    data = shared()
    with pytest.raises(UnsupportedError, match="schedule: expected rows that belong to one task each"):
        Minibatches(data, unit_scaling(data), size=2, schedule=RoundRobin(), by_rows=True)
    # As observations they come one by one, each with its row.
    for batch in batches(data, RoundRobin(), 4, size=3):
        assert batch.row is None and batch.x.shape == (3, 2)


def test_bad_settings() -> None:
    with pytest.raises(InputError, match=r"^equal: expected above 0"):
        ByGap({}, {}, equal=0.0)
    with pytest.raises(InputError, match=r"^scores: expected finite numbers"):
        ByGap({"a": float("nan")}, {"a": 1.0})
    with pytest.raises(InputError, match=r"^targets: expected numbers other than 0"):
        ByGap({"a": 1.0}, {"a": 0.0})
    with pytest.raises(InputError, match=r"^scores: expected one for each of the tasks .*\['c'\]"):
        batches(skewed(), ByGap({"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 1.0}), 1)
