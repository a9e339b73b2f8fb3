"""Observations of weight 0 are as good as left out."""

from dataclasses import fields

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.data import Scaling
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian, Mixed, Poisson, StudentT
from bayes_mtl.priors import Pooled

TASK = np.arange(40) % 4
OUT = np.arange(40) % 10 == 9
LIKELIHOODS = [
    Gaussian(),
    Gaussian(units="task"),
    StudentT(units="task"),
    Poisson(),
    Mixed({"0": Poisson()}, default=Gaussian()),
]


def scaling(likelihood: AbstractLikelihood, sentinel: float, weight: np.ndarray | None) -> Scaling:
    random = np.random.default_rng(0)
    x, y = random.normal(3.0, 2.0, (40, 2)), random.poisson(20.0, 40).astype(float)
    x[OUT], y[OUT] = -9999.0, sentinel
    chosen = ~OUT if weight is None else np.ones(40, dtype=bool)
    data = TaskData.from_arrays(x[chosen], y[chosen], TASK[chosen], weight=weight)
    return MultiTaskModel(Pooled(), likelihood).program(data).scaling


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_scales_are_those_of_the_other_observations(likelihood: AbstractLikelihood) -> None:
    found, expected = scaling(likelihood, 9999.0, (~OUT).astype(float)), scaling(likelihood, 0.0, None)
    for f in fields(Scaling):
        np.testing.assert_array_equal(getattr(found, f.name), getattr(expected, f.name))


def test_a_row_that_another_observation_refers_to_counts() -> None:
    x, row, task = np.array([[1.0], [3.0]]), np.array([0, 1, 1]), ["a", "a", "b"]
    data = TaskData.from_arrays(x, np.zeros(3), task, row=row, weight=[1.0, 0.0, 1.0])
    assert MultiTaskModel(Pooled(), Gaussian()).program(data).scaling.x_mean.tolist() == [2.0]


def test_data_of_which_nothing_counts_are_refused() -> None:
    with pytest.raises(InputError, match="weight: expected at least one above 0, found only 0"):
        scaling(Gaussian(), 0.0, np.zeros(40))
