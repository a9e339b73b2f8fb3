"""Targets and settings that are refused, and what the error says."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bayes_mtl._errors import InputError
from bayes_mtl._shapes import Dims
from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
)
from tests.likelihoods.cases import make_batch, make_data

BAD = [1.0, 2.0, -3.0, 0.5, 7.0, -3.0]
TRIALS = {"trials": [8, 8, 8, 8, 8, 8]}
NOISE = {"noise": np.ones(6)}
# tasks are A, B, C in turn, and sorted by task the half (position 3, of A) comes first
MINUS = "found 2 of 6 outside, the first -3 at observation 2 of task 'C'."
HALF = "found 3 of 6 outside, the first 0.5 at observation 3 of task 'A'."
CLASSES = "Number the classes from 0, or pass classes=."
OUTSIDE = [
    (LogNormal(), BAD, {}, f"y: expected positive numbers (LogNormal), {MINUS} Use Gaussian, or drop them."),
    (Gamma(), BAD, {}, f"y: expected positive numbers (Gamma), {MINUS} Use Gaussian, or drop them."),
    (
        Bernoulli(),
        BAD,
        {},
        "y: expected 0 or 1 (Bernoulli), found 5 of 6 outside, the first 0.5 at observation 3 of task 'A'. "
        "Use Binomial for counts, Categorical for classes.",
    ),
    (
        Binomial(),
        BAD,
        TRIALS,
        f"y: expected whole numbers from 0 to trials (Binomial), {HALF} Pass successes, not rates.",
    ),
    (Poisson(), BAD, {}, f"y: expected whole numbers from 0 (Poisson), {HALF} Pass counts, not rates."),
    (
        NegativeBinomial(),
        BAD,
        {},
        f"y: expected whole numbers from 0 (NegativeBinomial), {HALF} Pass counts, not rates.",
    ),
    (Categorical(), BAD, {}, f"y: expected classes numbered 0, 1, ..., {HALF} {CLASSES}"),
    (Ordinal(), BAD, {}, f"y: expected classes numbered 0, 1, ..., {HALF} {CLASSES}"),
    (
        Categorical(classes=3),
        [0, 1, 5, 3, 2, 2],
        {},
        "y: expected classes numbered 0 to 2, found 2 of 6 outside, "
        f"the first 3 at observation 3 of task 'A'. {CLASSES}",
    ),
    (
        Ordinal(),
        [0.0] * 6,
        {},
        "y: expected 2 or more classes, found class 0 only. Pass classes=, or more data.",
    ),
    (
        Categorical(),
        [0, 1, 2, 0, 1, 20000],
        {},
        "y: expected classes numbered from 0, found number 20000 among 6 observations. "
        "Number the classes 0, 1, ..., or pass classes=.",
    ),
    (
        Binomial(),
        [0, 1, 2, 0, 1, 2],
        {},
        "trials: expected the number of trials of each observation (Binomial), found none. "
        "Pass trials=, or use Bernoulli for single trials.",
    ),
    *(
        (
            Gaussian(noise=noise),
            BAD,
            columns,
            "noise: expected Gaussian(noise='known') and a noise column together, "
            "found one without the other. Give both, or neither.",
        )
        for noise, columns in (("known", {}), ("shared", NOISE))
    ),
    (
        StudentT(),
        BAD,
        NOISE,
        "StudentT likelihood: expected data without the column 'noise', found one. "
        "Leave 'noise' out, or choose a likelihood that uses it.",
    ),
]


@pytest.mark.parametrize(("likelihood", "y", "columns", "text"), OUTSIDE)
def test_targets_outside_the_support(
    likelihood: AbstractLikelihood, y: list[float], columns: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=re.escape(text)):
        likelihood.check(make_data(y, **columns))


def test_trials_are_whole_numbers_from_1() -> None:
    data = make_data([0, 1, 0], trials=[1, 1, 1])
    assert data.trials is not None
    data.trials[1] = 0.5
    with pytest.raises(
        InputError, match=r"trials: expected whole numbers from 1, found 1 of 3 outside, the first 0\.5"
    ):
        Binomial().check(data)


@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(), StudentT(), LogNormal(), Gamma(), Binomial(), Poisson(), NegativeBinomial()],
    ids=lambda likelihood: likelihood.name,
)
def test_named_classes_are_no_numbers(likelihood: AbstractLikelihood) -> None:
    text = "y: expected numbers, found classes ('a', 'b', 'c'). Use Bernoulli or Categorical."
    with pytest.raises(InputError, match=re.escape(text)):
        likelihood.check(make_data(["a", "b", "c", "a"]))


def test_bernoulli_takes_two_classes_and_booleans() -> None:
    text = "y: expected two classes (Bernoulli), found 3: ('a', 'b', 'c'). Use Categorical."
    with pytest.raises(InputError, match=re.escape(text)):
        Bernoulli().check(make_data(["a", "b", "c", "a"]))
    Bernoulli().check(make_data(["a", "b", "b"]))
    Bernoulli().check(make_data([True, False, True]))
    Bernoulli().check(make_data([1, 0, 1]))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("family", "setting", "text"),
    [
        (Gaussian, {"noise": "own"}, "noise: expected 'shared', 'task' or 'known', found 'own'. Choose one."),
        (StudentT, {"noise": "known"}, "noise: expected 'shared' or 'task', found 'known'. Choose one."),
        (LogNormal, {"noise": "known"}, "noise: expected 'shared' or 'task', found 'known'. Choose one."),
        (Gaussian, {"units": "own"}, "units: expected 'shared' or 'task', found 'own'. Choose one."),
        (Gamma, {"dispersion": "own"}, "dispersion: expected 'shared' or 'task', found 'own'. Choose one."),
        (
            NegativeBinomial,
            {"dispersion": 1},
            "dispersion: expected 'shared' or 'task', found 1. Choose one.",
        ),
        (Categorical, {"classes": 1}, "classes: expected a whole number of 2 or more, found 1. Leave"),
        (Ordinal, {"classes": 2.5}, "classes: expected a whole number of 2 or more, found 2.5. Leave"),
    ],
)
def test_settings(family: type[AbstractLikelihood], setting: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=re.escape(text)):
        family(**setting)


TEXT = ["low", "high", "medium", "low", "high", "medium"]
GRADES = ["low", "medium", "high"]


@pytest.mark.parametrize(
    "y",
    [
        TEXT,
        pd.Series(TEXT, dtype="category"),
        pd.Categorical(TEXT, GRADES),
        ["1", "2", "10", "1", "2", "10"],  # text sorts 10 before 2
    ],
)
def test_ordinal_asks_for_the_order_of_text(y: Any) -> None:
    data = TaskData.from_arrays(np.zeros((6, 1)), y, list("abcabc"))
    text = "y: expected classes whose order was given (Ordinal), found text, which sorts as '"
    with pytest.raises(InputError, match=re.escape(text)):
        Ordinal().check(data)
    with pytest.raises(InputError, match=re.escape(text)):
        Ordinal(classes=3).check(data)
    Categorical().check(data)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (pd.Categorical(TEXT, GRADES, ordered=True), ("low", "medium", "high")),
        (pd.Categorical([1, 5, 3, 1, 1, 1], range(1, 6)), ("1", "2", "3", "4", "5")),
        (["1", "5", "3", "1", "1", "1"], ("1", "3", "5")),
        ([True, False, True, True, False, True], ("False", "True")),
        ([0, 2, 1, 1, 1, 1], ()),
    ],
)
@pytest.mark.parametrize("frame", [False, True])
def test_ordinal_takes_an_order_that_was_given(y: Any, classes: tuple[str, ...], frame: bool) -> None:
    table = pd.DataFrame({"y": y, "x": 0.0, "task": list("abcabc")})
    data = (
        TaskData.from_frame(table, y="y", x=["x"], task="task")
        if frame
        else TaskData.from_arrays(np.zeros((6, 1)), y, table["task"])
    )
    Ordinal().check(data)
    assert data.schema.classes == classes


@pytest.mark.parametrize("likelihood", [Ordinal(), Categorical()], ids=lambda likelihood: likelihood.name)
def test_ratings_from_1_have_no_class_0(likelihood: Ordinal | Categorical) -> None:
    ratings = make_data([1, 2, 3, 4, 5, 1])
    text = "y: expected classes numbered from 0, found numbers from 1 to 5. Subtract 1; or pass pandas."
    with pytest.raises(InputError, match=re.escape(text)):
        likelihood.bind(ratings)
    replace(likelihood, classes=6).check(ratings)
    named = TaskData.from_arrays(ratings.x, pd.Categorical(ratings.y.astype(int)), list("aabbcc"))
    bound = likelihood.bind(named)
    bound.check(named)
    assert bound.classes == 5


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("family", [Categorical, Ordinal])
def test_numbers_of_classes_may_be_numpys(family: type[Categorical | Ordinal]) -> None:
    likelihood = family(classes=np.int64(3))  # type: ignore[arg-type]
    assert likelihood == family(classes=3) and type(likelihood.classes) is int


def test_ordinal_must_know_its_classes() -> None:
    with pytest.raises(InputError, match=re.escape("Call bind(data), or set it.")):
        Ordinal().parameters(Dims(tasks=3, features=1))


@pytest.mark.parametrize(
    ("likelihood", "columns", "text"),
    [
        (
            Gaussian(noise="known"),
            {"noise": np.ones(3)},
            "noise: expected the known standard deviation of each",
        ),
        (Binomial(), {"trials": np.ones(3)}, "trials: expected the number of trials of each observation"),
    ],
)
def test_prediction_without_the_column(
    likelihood: AbstractLikelihood, columns: dict[str, Any], text: str
) -> None:
    batch = make_batch(likelihood, make_data([0, 1, 0], **columns))
    bare = type(batch)(x=batch.x, task=batch.task, scale=batch.scale, shift=batch.shift, spread=batch.spread)
    with pytest.raises(InputError, match=text):
        likelihood.distribution(torch.zeros(3, 1), bare, {})
