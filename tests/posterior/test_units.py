"""Weights in the user's units against predictors computed by hand on raw data."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed, Poisson
from bayes_mtl.networks import MLP
from bayes_mtl.posterior._evaluate import evaluate
from bayes_mtl.posterior._units import fixed_in_units, weights_in_units
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_data, make_posterior

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no_intercept": {"intercept": False},
    "fixed": {"features": 4, "varying": ["x0", "x2"]},
    "only_intercept_varies": {"varying": []},
    "offset": {"offset": np.linspace(-2.0, 3.0, 18)},
    "raw": {"standardize": False},
    "raw_fixed": {"features": 3, "varying": ["x1"], "standardize": False},
    "own_units": {"units": "task"},
    "own_units_fixed": {"units": "task", "features": 3, "varying": ["x1"]},
}


def by_hand(weights: torch.Tensor, fixed: torch.Tensor | None, data: TaskData) -> torch.Tensor:
    """Linear predictor ``[draws, observations, outputs]`` of raw features."""
    design = torch.as_tensor(data.x[data.row])
    width = len(data.schema.features)
    varying = design[:, :width]
    if data.schema.intercept:
        varying = torch.cat([torch.ones(len(data), 1, dtype=torch.float64), varying], 1)
    f = torch.einsum("nd,sndc->snc", varying, weights[:, data.task])
    if fixed is not None:
        own = fixed[:, data.task] if fixed.shape[1] > 1 else fixed
        f = f + torch.einsum("nd,sndc->snc", design[:, width:], own.expand(-1, len(data), -1, -1))
    return f if data.offset is None else f + torch.as_tensor(data.offset)[:, None]


@pytest.mark.parametrize("case", CASES)
def test_they_give_the_predictor_on_raw_data(case: str) -> None:
    options = dict(CASES[case])
    standardize = options.pop("standardize", True)
    likelihood = Gaussian(units=options.pop("units", "shared"))
    data = make_data(**options)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood, standardize=standardize), data)
    program = posterior.program
    fixed = fixed_in_units(program, posterior.draws) if data.schema.fixed else None
    found = by_hand(weights_in_units(program, posterior.draws), fixed, data)
    f, _ = evaluate(program, posterior.draws, program.batch(data))
    # the program works in float32, on targets of about 100
    assert torch.allclose(found, f.double(), rtol=2e-5, atol=1e-4)
    predicted = posterior.predict(data, kind="mean", keep_draws=True)
    assert predicted.draws is not None
    assert np.allclose(predicted.draws, found[..., 0].numpy(), rtol=2e-5, atol=1e-4)


def test_several_outputs() -> None:
    data = make_data(features=3, varying=["x0", "x1"])
    data = replace(data, y=np.arange(len(data)) % 3.0)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Categorical()), data)
    fixed = fixed_in_units(posterior.program, posterior.draws)
    found = by_hand(weights_in_units(posterior.program, posterior.draws), fixed, data)
    probabilities = posterior.predict(data).probabilities
    assert probabilities is not None
    assert np.allclose(probabilities, found.softmax(-1).mean(0).numpy(), atol=1e-5)


def test_tasks_of_different_kinds() -> None:
    data = make_data(tasks=4, rows=9)
    kinds = np.arange(4)[data.task]
    y = np.select([kinds == 0, kinds == 1], [data.y > 100, np.abs(data.y - 100).round()], data.y)
    data = replace(data, y=y.astype(float))
    likelihood = Mixed({"school 0": Bernoulli(), "school 1": Poisson()}, default=Gaussian())
    posterior = make_posterior(MultiTaskModel(Hierarchical(), likelihood), data)
    found = by_hand(weights_in_units(posterior.program, posterior.draws), None, data)[..., 0].numpy()
    expected = np.select([kinds == 0, kinds == 1], [1 / (1 + np.exp(-found)), np.exp(found)], found)
    predicted = posterior.predict(data, kind="mean", keep_draws=True)
    assert np.allclose(predicted.draws, expected, rtol=1e-3, atol=1e-4)


def test_with_a_network_they_act_on_its_features() -> None:
    data = make_data()
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), MLP(2, (3,))), data)
    program = posterior.program
    assert posterior.features == ("Intercept", "h0", "h1", "h2")
    with torch.no_grad():
        hidden = program.network(program.batch(data).x, None, None).double()
    design = torch.cat([torch.ones(len(data), 1, dtype=torch.float64), hidden], 1)
    weights = weights_in_units(program, posterior.draws)[:, data.task, :, 0]
    found = torch.einsum("nd,snd->sn", design, weights).numpy()
    predicted = posterior.predict(data, kind="mean", keep_draws=True)
    # float32 on targets of about 100
    assert np.allclose(predicted.draws, found, rtol=2e-5)


def test_far_features_keep_their_digits() -> None:
    """Years: the intercept is the difference of large numbers."""
    random = np.random.default_rng(0)
    x = 2000.0 + random.normal(size=(40, 1))
    data = TaskData.from_arrays(x, 3.0 * (x[:, 0] - 2000.0), np.arange(40) % 2)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    found = by_hand(weights_in_units(posterior.program, posterior.draws), None, data)
    f, _ = evaluate(posterior.program, posterior.draws, posterior.program.batch(data))
    # rounding of the program's float32; without float64 here it would be 2000 times that
    assert torch.allclose(found, f.double(), atol=2e-5)
