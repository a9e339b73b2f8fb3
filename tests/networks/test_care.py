"""Mixtures of encoders gated on features of the tasks, for tasks that were not fitted too."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pyro.distributions import HalfNormal

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import InputError
from bayes_mtl.inference import SVI, adapt
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import CARE, GRU, MLP, experts
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model, check_network
from tests.posterior.examples import make_posterior


def make(features: int = 3, width: int = 5) -> CARE:
    return CARE(2, experts(partial(MLP, features, (width,)), 4), hidden=(3,))


def test_it_keeps_its_contract() -> None:
    check_network(make())
    check_network(CARE(1, experts(partial(GRU, 2, 4), 3)), steps=5)


def test_it_is_what_the_paper_says() -> None:
    network, context = make(), torch.randn(4, 2)
    x, row, task = torch.randn(5, 3), torch.tensor([4, 0, 2]), torch.tensor([3, 3, 1])
    share = network.gate(context).softmax(-1)
    expected = [
        sum(share[t, k] * network.experts[k](x[r]) for k in range(4)) for r, t in zip(row, task, strict=True)
    ]
    found = network(x, row, task, task_features=context)
    assert torch.allclose(found, torch.stack(expected), atol=1e-6)  # float32


def test_a_model_keeps_its_contract() -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=12)
    y[::2] = y[::2] > 0
    context = random.normal(size=(2, 2))
    data = TaskData.from_arrays(random.normal(size=(12, 3)), y, np.arange(12) % 2, task_features=context)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    check_model(MultiTaskModel(Hierarchical(), likelihood, make()), data)


def test_data_made_with_the_schema_have_the_features_of_the_fit() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=12), "t": list("uv") * 6, "y": random.normal(size=12)})
    features = pd.DataFrame({"size": [0.3, 1.0], "age": [2.0, -1.0]}, index=["u", "v"])
    data = TaskData.from_frame(frame, x=["a"], y="y", task="t", task_features=features)
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian(), make(1)), data)
    again = TaskData.from_frame(frame, y="y", task="t", schema=data.schema)
    np.testing.assert_array_equal(posterior.predict(again).mean, posterior.predict(data).mean)
    assert posterior.score(again).mean == posterior.score(data).mean


def test_new_tasks_are_served_by_their_features(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    side = np.repeat([-1.0, 1.0], 4)[:, None]
    x, task = random.normal(size=(640, 1)), np.arange(640) % 8
    y = np.where(side[task, 0] > 0, np.sin(2 * x[:, 0]), -np.sin(2 * x[:, 0])) + 0.1 * random.normal(size=640)
    data = TaskData.from_arrays(x, y, task, task_features=side)
    network = CARE(1, experts(partial(MLP, 1, (8,)), 2))
    # heads that hardly differ leave the difference to the gate
    prior = Hierarchical(scale=HalfNormal(0.05), covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(), network)
    posterior = SVI(steps=500, draws=50, particles=1, progress=False, compile=False).run(model, data)
    grid = np.linspace(-1.5, 1.5, 21)[:, None]
    again = load(posterior.save(tmp_path / "fit"))
    for sign in (-1.0, 1.0):
        for fit in (posterior, again):
            found = fit.predict(grid, new_task=True, task_features=[[sign]], kind="mean").mean
            assert np.corrcoef(found, sign * np.sin(2 * grid[:, 0]))[0, 1] > 0.9
    few = TaskData.from_arrays(grid, -np.sin(2 * grid[:, 0]), ["new"] * 21, task_features=[[-1.0]])
    assert np.isfinite(posterior.score(few, new_task=True).total)
    adapted = adapt(posterior, few)
    found = adapted.predict(grid, "new", kind="mean").mean
    assert np.corrcoef(found, -np.sin(2 * grid[:, 0]))[0, 1] > 0.9


def test_tasks_without_features_are_refused_before_the_fit() -> None:
    data = TaskData.from_arrays(np.eye(6)[:, :3], np.arange(6.0), np.arange(6) % 2)
    with pytest.raises(
        InputError, match=r"network \(task_features\): expected the number of features of the tasks"
    ):
        MultiTaskModel(Hierarchical(), Gaussian(), make()).program(data)
    with pytest.raises(InputError, match="task_features: expected features of the tasks, found none"):
        make()(torch.zeros(2, 3), None, torch.zeros(2).long(), task_features=None)
