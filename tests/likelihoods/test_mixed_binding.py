"""What `Mixed` learns of the data, and what it refuses."""

import copy
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal

from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl._shapes import Dims
from bayes_mtl.likelihoods import (
    Bernoulli,
    Binomial,
    Categorical,
    Gaussian,
    LogNormal,
    Mixed,
    Poisson,
)
from tests.likelihoods.cases import make_batch, make_data
from tests.likelihoods.mixed_cases import KINDS, LIKELIHOODS, TASKS, mixed_data, setup


def test_bind_finds_kinds_tasks_and_outputs() -> None:
    data = mixed_data()
    likelihood = Mixed(LIKELIHOODS).bind(data)
    found = {k.name: tuple(data.schema.tasks[t] for t in k.tasks) for k in likelihood.kinds}
    assert found == KINDS
    assert likelihood.outputs(data) == 3
    assert likelihood.task_outputs(data).tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert likelihood.likelihoods["grade"] == replace(LIKELIHOODS["grade"], classes=4)
    assert likelihood.bind(data) is likelihood
    assert likelihood.events == {"ordinal.increments": 1}
    assert not likelihood.discrete and Mixed({"a": Poisson()}, default=Bernoulli()).discrete
    likelihood.check(data)


def test_the_data_decide_the_order_of_tasks_and_the_mapping_that_of_kinds() -> None:
    data = mixed_data()
    backwards = Mixed(dict(reversed(LIKELIHOODS.items()))).bind(data)
    assert [k.name for k in backwards.kinds] == list(reversed(KINDS))
    assert backwards.location(data)[0].tolist() == Mixed(LIKELIHOODS).location(data)[0].tolist()


def test_equal_settings_are_one_kind_and_others_are_numbered() -> None:
    data = make_data(np.arange(8.0), list("abcdabcd"))
    likelihoods = {
        "a": Gaussian(scale=HalfNormal(2.0)),
        "b": Gaussian(),
        "c": Gaussian(scale=HalfNormal(2.0)),
        "d": Gaussian(scale=HalfNormal(3.0)),
    }
    kinds = Mixed(likelihoods).bind(data).kinds
    expected = [("gaussian", (0, 2)), ("gaussian_2", (1,)), ("gaussian_3", (3,))]
    assert [(k.name, k.tasks) for k in kinds] == expected
    # a copy, as one loaded from a file: its priors are other objects
    copied = Mixed({task: copy.deepcopy(likelihood) for task, likelihood in likelihoods.items()})
    assert [(k.name, k.tasks) for k in copied.bind(data).kinds] == expected


def test_default_takes_the_tasks_not_named() -> None:
    data = make_data(np.array([0.0, 1, 2.5, 0.5, 1, 0]), list("abcabc"))
    likelihood = Mixed({"b": Bernoulli()}, default=Gaussian()).bind(data)
    assert [(k.name, k.tasks) for k in likelihood.kinds] == [("bernoulli", (1,)), ("gaussian", (0, 2))]
    other = make_data(np.array([0.3, 1.0]), ["b", "z"])
    assert [(k.name, k.tasks) for k in likelihood.bind(other).kinds] == [
        ("bernoulli", (0,)),
        ("gaussian", (1,)),
    ]


def test_location_and_working_response_are_each_kinds_own() -> None:
    data = mixed_data()
    likelihood = Mixed(LIKELIHOODS)
    shift, spread = likelihood.location(data)
    response = likelihood.working_response(data)
    assert shift.shape == spread.shape == (7, 3) and response.shape == (len(data), 3)
    for name, tasks in KINDS.items():
        positions = [TASKS.index(task) for task in tasks]
        own = data.subset(np.isin(data.task, positions))
        alone = LIKELIHOODS[tasks[0]]
        width = 3 if name == "categorical" else 1
        for found, expected in zip((shift, spread), alone.location(own), strict=True):
            assert np.array_equal(found[positions, :width], expected[positions])
        mine = response[np.isin(data.task, positions)]
        assert np.array_equal(mine[:, :width], alone.working_response(own)) and (mine[:, width:] == 0).all()
    unused = np.arange(3) >= likelihood.task_outputs(data)[:, None]
    assert (shift[unused] == 0).all() and (spread[unused] == 1).all()


def test_output_groups_are_the_kinds_unless_named() -> None:
    data = mixed_data()
    groups = dict(Mixed(LIKELIHOODS).output_groups(data))
    assert groups == {name: tuple(TASKS.index(t) for t in tasks) for name, tasks in KINDS.items()}
    together = Mixed(LIKELIHOODS, groups={"count": "sizes", "height": "sizes", "yes": "bernoulli"})
    assert dict(together.output_groups(data))["sizes"] == (1, 3)
    assert dict(together.output_groups(data))["gaussian"] == (4,)
    assert sorted(t for _, tasks in together.output_groups(data) for t in tasks) == list(range(7))
    together.check(data)


def test_columns_matter_only_to_the_kinds_that_know_them() -> None:
    y, task = np.array([3.0, 0.5, 2.0, 5.0, 2.5, 4.0]), list("abcabc")
    columns = {
        "trials": [9, 9, 9, 9, 9, 9],
        "noise": np.array([0.1, 2.0, 0.1, 0.1, 4.0, 0.1]),
        "censored": np.array([False, False, True, False, False, False]),
        "offset": np.array([0.0, 0.3, 0.0, 0.0, 0.2, 0.0]),
    }
    likelihoods = {"a": Binomial(), "b": Gaussian(noise="known"), "c": LogNormal()}
    data = make_data(y, task, **columns)
    likelihood = Mixed(likelihoods).bind(data)
    likelihood.check(data)
    assert likelihood.columns == {"offset", "weight", "trials", "noise", "censored"}
    batch = make_batch(likelihood, data)
    # whatever stands in the columns of other kinds changes nothing
    assert batch.noise is not None and batch.trials is not None
    spoilt = replace(
        batch,
        noise=torch.where(batch.task == 1, batch.noise, torch.nan),
        trials=torch.where(batch.task == 0, batch.trials, torch.nan),
    )
    f, parameters = torch.randn(6, 1).double(), {"log_normal.scale": torch.tensor(0.7).double()}
    expected = likelihood.distribution(f, batch, parameters).log_prob(batch.y)
    assert torch.equal(likelihood.distribution(f, spoilt, parameters).log_prob(batch.y), expected)
    with pytest.raises(InputError, match="Binomial likelihood: expected data without the column 'censored'"):
        Mixed(likelihoods).check(make_data(y, task, **columns | {"censored": np.ones(6, bool)}))
    with pytest.raises(InputError, match="Mixed likelihood: expected data without the column 'noise'"):
        Mixed(likelihoods | {"b": Gaussian()}).check(data)
    with pytest.raises(InputError, match="trials: expected the number of trials"):
        Mixed(likelihoods).check(make_data(y, task, **{k: v for k, v in columns.items() if k != "trials"}))
    with pytest.raises(InputError, match="Categorical likelihood: expected data without the column 'offset'"):
        Mixed({"a": Categorical(6)}, default=Gaussian()).check(make_data(y, task, offset=np.ones(6)))
    Mixed({"a": Categorical(6)}, default=Gaussian()).check(make_data(y, task, offset=columns["offset"]))


ERRORS = [
    (
        Mixed({"a": Gaussian()}),
        "likelihoods: expected a likelihood for task 'b', found only 'a'. Add it, or pass default=.",
    ),
    (
        Mixed({"x": Gaussian()}, default=Gaussian()),
        "Mixed: expected names of tasks ('a', 'b'), found 'x'. Correct or drop it.",
    ),
    (
        Mixed({}, Gaussian(), {"x": "g"}),
        "Mixed: expected names of tasks ('a', 'b'), found 'x'. Correct or drop it.",
    ),
    (
        Mixed({"a": Categorical(3)}, Gaussian(), {"a": "g", "b": "g"}),
        "groups: expected tasks with the same number of outputs in group 'g', found [1, 3]. "
        "Put them in different groups.",
    ),
    (
        Mixed({"a": Bernoulli()}, Gaussian()),
        "y: expected 0 or 1 (Bernoulli), found 1 of 2 outside, the first 2 at observation 2 of task 'a'.",
    ),
]


@pytest.mark.parametrize(("likelihood", "text"), ERRORS)
def test_errors(likelihood: Mixed, text: str) -> None:
    data = make_data(np.array([1.0, 0.5, 2.0, 0.5]), list("abab"))
    with pytest.raises(InputError, match=re.escape(text)):
        likelihood.bind(data).check(data)


@pytest.mark.usefixtures("unchecked")
def test_parts_must_be_likelihoods() -> None:
    wrong: Any
    for wrong, found in ((Gaussian, "Gaussian"), ("gaussian", "str"), (Mixed({"a": Gaussian()}), "Mixed")):
        text = f"likelihood of 'b': expected a likelihood of one kind, found {found}. Pass an instance."
        with pytest.raises(InputTypeError, match=re.escape(text)):
            Mixed({"b": wrong})
        with pytest.raises(InputTypeError, match=re.escape(text.replace("'b'", "'default'"))):
            Mixed({"b": Gaussian()}, default=wrong)
    with pytest.raises(InputError, match="likelihoods: expected a likelihood for each task, found none"):
        Mixed({})


def test_it_must_be_bound_to_the_tasks_at_hand() -> None:
    likelihood, _, batch, f = setup()
    dims = Dims(tasks=7, features=1)
    with pytest.raises(InputError, match=re.escape("Call bind(data) first.")):
        Mixed(LIKELIHOODS).parameters(dims)
    with pytest.raises(InputError, match="tasks: expected the 7 that Mixed is bound to, found 6"):
        likelihood.parameters(replace(dims, tasks=6))
    other = replace(batch, shift=batch.shift[:6])
    with pytest.raises(InputError, match=re.escape("found 6. Bind it to the other data.")):
        likelihood.distribution(f, other, {})
