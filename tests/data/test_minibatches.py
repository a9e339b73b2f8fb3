"""Random batches: unbiased, of one shape, repeatable, and read a batch at a time."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bayes_mtl._errors import BayesMTLError, InputError, UnsupportedError
from bayes_mtl.data import Batch, Minibatches, RoundRobin, Scaling, TaskData, full_batch


def unit_scaling(data: TaskData) -> Scaling:
    tasks = len(data.schema.tasks)
    return Scaling.fit(data, np.zeros((tasks, 1)), np.ones((tasks, 1)))


def skewed(weight: bool = False) -> TaskData:
    """12 observations of 3 tasks (1, 3, 8); y numbers them."""
    x = np.arange(24.0).reshape(12, 2)
    task = np.repeat(["a", "b", "c"], [1, 3, 8])
    return TaskData.from_arrays(x, np.arange(12.0), task, weight=np.linspace(0, 2, 12) if weight else None)


def shared() -> TaskData:
    """5 rows with 1 to 4 labels each, 12 in all; y numbers them."""
    table = np.full((5, 4), np.nan)
    table[0, :], table[1, :1], table[2, 1:], table[3, :2], table[4, 2:] = 1, 1, 1, 1, 1
    table[~np.isnan(table)] = np.arange(12.0)
    return TaskData.from_outputs(np.arange(10.0).reshape(5, 2), table)


def totals(batches: list[Batch]) -> np.ndarray:
    """``[12]``: mean over the batches of the scale of each observation."""
    total = np.zeros(12)
    for batch in batches:
        assert batch.y is not None
        np.add.at(total, batch.y.long().numpy(), batch.scale.double().numpy())
    return total / len(batches)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7, 12])
def test_whole_epochs_give_every_observation_its_weight_exactly(size: int) -> None:
    data = skewed(weight=True)
    stream = Minibatches(data, unit_scaling(data), size=size, seed=1, dtype=torch.float64)
    batches = [stream.next() for _ in range(12)]  # 12 batches of any size are whole epochs
    assert all(batch.observations == size and batch.row is None for batch in batches)
    np.testing.assert_allclose(totals(batches), data.weight, rtol=1e-12)


def test_an_epoch_has_every_observation_once_and_epochs_differ() -> None:
    data = skewed()
    stream = Minibatches(data, unit_scaling(data), size=5)
    seen = torch.cat([stream.next().y for _ in range(12)]).long().tolist()
    epochs = [seen[i : i + 12] for i in range(0, 60, 12)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_batches_of_rows_take_all_their_observations(size: int) -> None:
    data = shared()
    stream = Minibatches(data, unit_scaling(data), size=size, by_rows=True, dtype=torch.float64)
    batches = [stream.next() for _ in range(5)]
    assert len({batch.observations for batch in batches}) == 1
    np.testing.assert_allclose(totals(batches), 1.0, rtol=1e-12)
    whole = full_batch(data, unit_scaling(data), dtype=torch.float64)
    assert whole.row is not None
    place = torch.tensor(np.argsort(data.y))  # observations are sorted by task, y numbers them by row
    for batch in batches:
        assert batch.row is not None and batch.y is not None
        assert batch.x.shape == (size, 2)
        index = place[batch.y.long()]
        torch.testing.assert_close(batch.x[batch.row], whole.x[whole.row[index]])
        torch.testing.assert_close(batch.task, whole.task[index])


def test_batches_of_rows_are_padded_no_more_than_needed() -> None:
    data = shared()  # rows have 4, 1, 3, 2, 2 observations
    sizes = [Minibatches(data, unit_scaling(data), size=s, by_rows=True).next().observations for s in (1, 5)]
    assert sizes == [4, 12]


@pytest.mark.parametrize("temperature", [2.0, 0.5, float("inf")])
def test_temperature_changes_frequencies_and_not_the_expectation(temperature: float) -> None:
    data = skewed(weight=True)
    stream = Minibatches(data, unit_scaling(data), size=50, temperature=temperature, dtype=torch.float64)
    batches = [stream.next() for _ in range(400)]
    drawn = torch.cat([batch.task for batch in batches]).numpy()
    probability = np.array([1.0, 3.0, 8.0]) ** (1 / temperature)
    probability /= probability.sum()
    # 4 standard errors of a frequency over 20,000 draws
    error = 4 * np.sqrt(probability * (1 - probability) / 20_000)
    assert (np.abs(np.bincount(drawn) / 20_000 - probability) < error).all()
    # The scale of an observation is a count over 20,000 draws times n_t / p_t / 20,000 times its weight.
    chance = probability[data.task] / data.counts[data.task]
    spread = np.sqrt((1 - chance) / chance / 20_000)
    assert data.weight is not None
    assert (np.abs(totals(batches) - data.weight) <= 4.5 * spread * data.weight).all()  # 12 comparisons


def test_temperature_with_rows_of_one_task_each() -> None:
    x = np.arange(6.0).reshape(3, 2)
    y, task = np.arange(12.0)[:5], ["a", "a", "b", "b", "b"]
    data = TaskData.from_arrays(x, y, task, row=np.array([0, 0, 1, 2, 2]))
    stream = Minibatches(
        data, unit_scaling(data), size=40, temperature=3.0, by_rows=True, dtype=torch.float64
    )
    mean = totals([stream.next() for _ in range(500)])[:5]
    # 4 standard errors of 20,000 draws: every row has a chance near 1/3, so sd near sqrt(2) / 141
    np.testing.assert_allclose(mean, 1.0, atol=4 * np.sqrt(2.5) / 141)


def test_size_is_cut_to_the_data() -> None:
    data = skewed()
    stream = Minibatches(data, unit_scaling(data), size=1000, dtype=torch.float64)
    batch = stream.next()
    assert stream.size == batch.observations == 12
    np.testing.assert_array_equal(batch.scale, 1.0)


MODES: dict[str, dict[str, object]] = {
    "epochs": {},
    "temperature": {"temperature": 2.0},
    "schedule": {"schedule": RoundRobin()},
    "rows": {"by_rows": True},
}


@pytest.mark.parametrize("mode", MODES)
def test_resuming_is_exact(mode: str) -> None:
    data = shared() if mode == "rows" else skewed()

    def make(seed: int) -> Minibatches:
        return Minibatches(data, unit_scaling(data), size=3, seed=seed, **MODES[mode])

    stream = make(5)
    for _ in range(7):
        stream.next()
    state = {name: value.clone() for name, value in stream.state().items()}
    ahead = [stream.next() for _ in range(9)]
    again = make(99)
    again.load_state(state)
    for batch in ahead:
        other = again.next()
        for name in ("x", "y", "task", "scale"):
            assert torch.equal(getattr(batch, name), getattr(other, name))


@pytest.mark.parametrize("mode", MODES)
def test_seeds_decide_and_the_callers_random_numbers_are_left_alone(mode: str) -> None:
    data = shared() if mode == "rows" else skewed()
    before = torch.get_rng_state()
    draws = []
    for seed in (0, 0, 1):
        stream = Minibatches(data, unit_scaling(data), size=3, seed=seed, **MODES[mode])
        draws.append(torch.stack([stream.next().x for _ in range(6)]))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    assert torch.equal(before, torch.get_rng_state())


def test_states_of_others_are_refused() -> None:
    data = skewed()
    stream = Minibatches(data, unit_scaling(data), size=3)
    others = [
        Minibatches(data, unit_scaling(data), size=4).state(),
        Minibatches(data, unit_scaling(data), size=3, temperature=2.0).state(),
        Minibatches(data, unit_scaling(data), size=3, schedule=RoundRobin()).state(),
        Minibatches(data.subset(np.arange(6)), unit_scaling(data), size=3).state(),
        {},
    ]
    for state in others:
        with pytest.raises(InputError, match="same data, size and temperature"):
            stream.load_state(state)


@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("build", [skewed, shared])
def test_memory_maps_give_the_same_batches(
    tmp_path: Path, by_rows: bool, build: Callable[[], TaskData]
) -> None:
    data = build()
    order = np.random.default_rng(0).permutation(len(data.x))
    np.save(tmp_path / "x.npy", data.x[order])
    mapped = TaskData.from_arrays(
        np.load(tmp_path / "x.npy", mmap_mode="r"), data.y, data.task, row=np.argsort(order)[data.row]
    )
    scaling = unit_scaling(data)
    here = Minibatches(data, scaling, size=3, by_rows=by_rows, dtype=torch.float64)
    there = Minibatches(mapped, scaling, size=3, by_rows=by_rows, dtype=torch.float64)
    by_y = full_batch(data, scaling, dtype=torch.float64).select(torch.arange(12)).x
    for stream in (here, there):
        seen: Counter[int] = Counter()
        for _ in range(12):
            batch = stream.next()
            assert batch.y is not None
            x = batch.x if batch.row is None else batch.x[batch.row]
            place = np.searchsorted(np.sort(data.y), batch.y.numpy())
            lookup = by_y[torch.tensor(np.argsort(data.y))[torch.tensor(place)]]
            torch.testing.assert_close(x, lookup)
            seen.update(batch.y.long().tolist())
        assert set(seen) == set(range(12))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": 0}, "size: expected at least 1"),
        ({"size": -3}, "size: expected at least 1"),
        ({"size": 3, "temperature": 0.0}, "temperature: expected a number above 0"),
        ({"size": 3, "temperature": float("nan")}, "temperature: expected a number above 0"),
        ({"size": 3, "seed": -1}, "seed: expected an integer"),
        ({"size": True}, "size: expected a number of observations"),
    ],
)
def test_bad_settings(settings: dict[str, object], text: str) -> None:
    data = skewed()
    with pytest.raises(BayesMTLError, match=text):
        Minibatches(data, unit_scaling(data), **settings)


def test_temperature_with_rows_that_tasks_share() -> None:
    data = shared()
    with pytest.raises(UnsupportedError, match="rows shared by tasks"):
        Minibatches(data, unit_scaling(data), size=2, temperature=2.0, by_rows=True)
