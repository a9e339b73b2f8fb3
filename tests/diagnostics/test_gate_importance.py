"""What moves the gate, against direct computation and a planted gate."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.diagnostics import gate_importance
from bayes_mtl.diagnostics._gate_importance import changes
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, TaskClustering
from tests.posterior.examples import example, make_data, make_posterior

FEATURES = np.array([[-1.0, 0.3], [0.2, 1.5], [0.9, -0.4], [2.0, 0.1]])


def test_changes_are_those_of_the_softmax() -> None:
    random = np.random.default_rng(0)
    gate, features = random.normal(size=(5, 3, 4)), random.normal(size=(6, 2))
    found = changes(torch.tensor(gate), torch.tensor(features)).numpy()
    for s in range(5):
        for j in range(2):
            exact = np.zeros(4)
            for f in features:
                ends = []
                for side in (-0.5, 0.5):
                    moved = f.copy()
                    moved[j] += side
                    ends.append(softmax(np.concatenate([[1.0], moved]) @ gate[s]))
                exact += (ends[1] - ends[0]) / len(features)
            assert np.allclose(found[s, j], exact)


def test_what_every_cluster_shares_moves_nothing() -> None:
    gate = torch.randn(3, 3, 1, dtype=torch.float64).expand(3, 3, 4)
    assert float(changes(gate, torch.randn(5, 2, dtype=torch.float64)).abs().max()) < 1e-15


def test_two_clusters_by_hand() -> None:
    prior = TaskClustering(2, weights_prior="gate")
    posterior = make_posterior(
        MultiTaskModel(prior, Gaussian()), make_data(tasks=4, task_features=FEATURES), 300
    )
    table = gate_importance(posterior, level=0.8)
    signed = gate_importance(posterior, by_cluster=True)
    gate = posterior.draws["gate"][:, 0].double().numpy()
    slope = gate[..., 1] - gate[..., 0]
    z = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0)
    logit = slope[:, 0, None] + slope[:, 1:] @ z.T
    change = (expit(logit + slope[:, 1:2] / 2) - expit(logit - slope[:, 1:2] / 2)).mean(1)
    assert np.isclose(table.loc["z0", "mean"], np.abs(change).mean(), atol=1e-5)
    assert np.isclose(table.loc["z0", "lower"], np.quantile(np.abs(change), 0.1), atol=1e-5)
    assert np.isclose(table.loc["z0", "upper"], np.quantile(np.abs(change), 0.9), atol=1e-5)
    assert np.isclose(signed.loc[("z0", 1), "mean"], change.mean(), atol=1e-5)
    assert np.isclose(signed.loc[("z0", 0), "mean"], -change.mean(), atol=1e-5)
    assert np.isclose(signed.loc[("z0", 1), "P(>0)"], (change > 0).mean())
    # These draws are the prior's: 300 of them and 1,000, 4 Monte-Carlo standard errors.
    error = 4 * table["sd"] * (1 / 300 + 1 / 1000) ** 0.5
    assert (np.abs(table["mean"] - table["prior"]) < error).all()
    assert list(table["mean"]) == sorted(table["mean"], reverse=True)


def test_a_planted_gate_is_found() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(40, 2))
    kind = features[:, 1] > 0  # the second feature tells the kind, the first nothing
    task = np.repeat(np.arange(40), 10)
    y = np.where(kind, 3.0, -3.0)[task] + random.normal(size=400)
    data = TaskData.from_arrays(np.empty((400, 0)), y, task, task_features=features)
    posterior = fit(MultiTaskModel(TaskClustering(2, weights_prior="gate"), Gaussian()), data)
    table = gate_importance(posterior)
    assert list(table.index) == ["z1", "z0"]
    assert table.loc["z1", "lower"] > table.loc["z1", "prior"] > table.loc["z0", "upper"]
    signed = gate_importance(posterior, by_cluster=True)
    up = int(posterior.draws["cluster_mean"].mean((0, 1))[:, 0, 0].argmax())
    assert signed.loc[("z1", up), "P(>0)"] == 1.0


def test_refusals() -> None:
    posterior, _ = example(Hierarchical())
    with pytest.raises(UnsupportedError, match="Hierarchical has no gate"):
        gate_importance(posterior)
    prior = TaskClustering(2, weights_prior="gate")
    gated = make_posterior(MultiTaskModel(prior, Gaussian()), make_data(tasks=4, task_features=FEATURES))
    with pytest.raises(InputError, match="kind: expected one of"):
        gate_importance(gated, kind="other")
    with pytest.raises(InputError, match="level: expected between 0 and 1"):
        gate_importance(gated, level=1.0)
