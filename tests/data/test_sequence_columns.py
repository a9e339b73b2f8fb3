"""Noise, offsets, trials, weights and censoring beside the targets of sequences."""

from typing import Any

import numpy as np
import pyro
import pytest
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import InputError
from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods import Binomial, Gaussian, Mixed, Poisson
from bayes_mtl.likelihoods._abstract import AbstractLikelihood
from bayes_mtl.priors import Independent
from bayes_mtl.testing._site_draws import draw_sites

NAN = np.nan
RAGGED = [np.arange(6.0).reshape(3, 2), 10 + np.arange(2.0).reshape(1, 2), 20 + np.arange(4.0).reshape(2, 2)]


def test_columns_stand_beside_their_targets() -> None:
    data = TaskData.from_sequences(
        RAGGED,
        per_sequence={"events": [2, NAN, 1], "time": [9, 8, 7], "t": [[3, 1], [2, NAN], [0, 4]]},
        at_step={"early": ([5.0, NAN, 6.0], 1)},
        per_step={"wins": [[3, 2, NAN], [7], [1, 0]]},
        noise={"early": [0.5, NAN, 0.25]},  # beside a missing target nothing is asked
        offset={"events": [0.1, 0.2, 0.3], "t": [1, 2, 3], "wins": 0.7},
        trials={"wins": [[4, 4, -1], [9], [2, 2]], "t": [[3, 4], [5, NAN], [6, 7]]},
        censored={"time": [True, False, True]},
    )
    at = {name: data.task == i for i, name in enumerate(data.schema.tasks)}
    columns = {name: getattr(data, name) for name in ("noise", "offset", "trials", "censored")}
    expected = {
        ("noise", "early"): [0.5, 0.25], ("noise", "time"): [NAN] * 3, ("noise", "wins"): [NAN] * 5,
        ("offset", "events"): [0.1, 0.3], ("offset", "time"): [0] * 3, ("offset", "early"): [0] * 2,
        ("offset", "t[0]"): [1, 2, 3], ("offset", "t[1]"): [1, 3], ("offset", "wins"): [0.7] * 5,
        ("trials", "events"): [NAN] * 2, ("trials", "wins"): [4, 4, 9, 2, 2],
        ("trials", "t[0]"): [3, 5, 6], ("trials", "t[1]"): [4, 7],
        ("censored", "time"): [True, False, True], ("censored", "wins"): [False] * 5,
    }  # fmt: skip
    for (column, task), values in expected.items():
        np.testing.assert_array_equal(columns[column][at[task]], values, err_msg=f"{column} {task}")
    assert columns["censored"].dtype == bool and data.weight is None
    again = TaskData.from_sequences(RAGGED, per_sequence={"events": [2, NAN, 1]}, censored={})
    assert again.censored is None


def test_columns_survive_parts_and_a_schema() -> None:
    targets = dict(per_sequence={"a": [0.0, 1.0, 2.0], "b": [1.0, NAN, 0.0]})
    data = TaskData.from_sequences(RAGGED, **targets, noise={"a": [1, 2, 3]}, offset={"b": 0.5})
    some = data.subset(data.index == 2)
    assert some.noise is not None and some.offset is not None
    np.testing.assert_array_equal(some.noise, [3, NAN])
    np.testing.assert_array_equal(some.offset, [0, 0.5])
    new = TaskData.from_sequences(
        RAGGED, per_sequence={"b": [1, 1, NAN]}, offset={"b": [1, 2, NAN]}, schema=data.schema
    )
    assert new.offset is not None and new.offset.tolist() == [1, 2] and new.noise is None


def test_columns_mean_the_same_as_in_a_table() -> None:
    """A fit of sequences of one step is that of their rows, by the log-likelihood at equal draws."""
    random = np.random.default_rng(0)
    x, noise, log_time = random.normal(size=(20, 2)), random.uniform(0.5, 1.0, 20), random.normal(size=20)
    height, count, won = random.normal(size=20), random.poisson(2.0, 20), random.integers(0, 5, 20)
    table = TaskData.from_arrays(
        np.tile(x, (3, 1)), np.concatenate([height, count, won]), np.repeat(["count", "height", "won"], 20)[
            np.r_[20:40, 0:20, 40:60]],
        noise=np.r_[noise, np.ones(40)], offset=np.r_[np.zeros(20), log_time, np.zeros(20)],
        trials=np.r_[np.full(40, 99.0), np.full(20, 6.0)],
    )  # fmt: skip
    sequences = TaskData.from_sequences(
        x[:, None], per_sequence={"count": count, "height": height, "won": won},
        noise={"height": noise}, offset={"count": log_time}, trials={"won": 6},
    )  # fmt: skip
    likelihood = Mixed({"count": Poisson(), "height": Gaussian(noise="known"), "won": Binomial()})
    found = []
    for data in (table, sequences):
        program = MultiTaskModel(Independent(), likelihood).program(data).double()
        batch = program.batch(data, dtype=torch.float64)
        values = draw_sites(program, batch).one(0)  # by a seed: the same for both
        given = pyro.poutine.condition(program, values)
        y = pyro.poutine.trace(given).get_trace(batch).nodes["y"]
        found.append(y["fn"].log_prob(y["value"]).detach().numpy())
    assert np.allclose(found[0], found[1], rtol=1e-9)


def test_a_likelihood_refuses_targets_without_what_it_needs() -> None:
    block = np.arange(6.0).reshape(3, 2, 1)
    cases: list[tuple[AbstractLikelihood, dict[str, Any], str]] = [
        (Gaussian(noise="known"), dict(noise={"a": 0.5}), "noise: expected the known standard deviation"),
        (Binomial(), dict(trials={"a": 2}), "trials: expected whole numbers from 1"),
    ]
    for likelihood, columns, text in cases:
        data = TaskData.from_sequences(block, per_sequence={"a": [0, 1, 2], "b": [1, 1, 0]}, **columns)
        Mixed({"a": likelihood, "b": Poisson()}).check(data)
        for every in (likelihood, Mixed({"a": likelihood, "b": likelihood})):
            with pytest.raises(InputError, match=f"{text}.*task 'b'"):
                every.check(data)


def test_weights_are_those_of_the_target() -> None:
    targets = dict(per_sequence={"a": [0, 1, 2], "t": np.eye(3)}, per_step={"s": [[1, 2, 3], [4], [NAN, 6]]})
    data = TaskData.from_sequences(RAGGED, **targets, weight={"t": 0.5, "s": 0.1})
    assert data.weight is not None
    np.testing.assert_array_equal(data.weight, np.repeat([1.0, 0.5, 0.1], [3, 9, 5]))
    again = TaskData.from_sequences(RAGGED, **targets, weight={"s": 0.2}, schema=data.schema)
    np.testing.assert_array_equal(again.weight, np.repeat([1.0, 0.2], [12, 5]))
    with pytest.raises(InputError, match="weight: expected names of targets"):
        TaskData.from_sequences(RAGGED, **targets, weight={"t[0]": 0.5})
    with pytest.raises(InputError, match="weights of at least 0"):
        TaskData.from_sequences(RAGGED, **targets, weight={"a": -1.0})
