"""Random layers: particles, priors, files, and a posterior that is known."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pyro.distributions import Normal
from pyro.infer.autoguide import AutoMultivariateNormal
from scipy import stats
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.inference import SVI, Plateau, adapt
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import GRU, MLP, Lifted, MMoE, MultiClustering, experts, lift
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Pooled
from bayes_mtl.testing import check_model, check_network
from bayes_mtl.testing._site_draws import SiteDraws, log_densities, together


def gated() -> MMoE:
    return MMoE(2, experts(partial(MLP, 3, (4,)), 4), alpha=0.5, bias=True)


NETWORKS = {
    "last layer": lift(MLP(3, (5, 4)), "layers.2"),
    "gates": lift(gated(), "gate"),
    "all": lift(MLP(3, (4,)), "layers"),
    "one weight": Lifted(MLP(3, (4,)), ("layers.0.weight",), prior=Normal(0.0, 0.3)),
}


def mixed_data() -> TaskData:
    random = np.random.default_rng(0)
    y = random.normal(size=12)
    y[::2] = y[::2] > 0
    return TaskData.from_arrays(random.normal(size=(12, 3)), y, np.arange(12) % 2)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_keeps_its_contract(name: str) -> None:
    check_network(NETWORKS[name])


@pytest.mark.parametrize("name", ["last layer", "gates"])
def test_a_model_keeps_its_contract(name: str) -> None:
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    check_model(MultiTaskModel(Hierarchical(), likelihood, NETWORKS[name]), mixed_data())


def test_random_layers_behind_a_recurrent_one() -> None:
    network = lift(MMoE(2, experts(partial(GRU, 2, 3), 3)), "gate")
    check_network(network, steps=4)
    random = np.random.default_rng(0)
    y = np.arange(12) % 2 * 1.0
    data = TaskData.from_arrays(random.normal(size=(12, 4, 2)), y, np.arange(12) // 6)
    svi = SVI(steps=3, draws=5, particles=2, progress=False, compile=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Bernoulli(), network), data)
    assert np.isfinite(posterior.predict(data).mean).all()


def test_the_original_is_not_changed_and_what_is_random_is_not_trained() -> None:
    network = gated()
    lifted = lift(network, "gate")
    assert {name for name, _ in network.named_parameters()} >= {"gate.weight", "gate.bias"}
    assert not [name for name, _ in lifted.named_parameters() if "gate" in name]
    assert set(lifted.start()) == {"network.gate.weight", "network.gate.bias"}
    assert lifted.tasks == 2 and lifted.in_features == 3 and lifted.out_features == 4


def test_a_random_linear_layer_under_a_fixed_head_is_a_linear_regression() -> None:
    """Density of three particles together against that of the regression, by scipy."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 2)), random.normal(size=20)
    data = TaskData.from_arrays(x, y, np.zeros(20, dtype=int), intercept=False, noise=np.full(20, 0.5))
    network = Lifted(MLP(2, (1,), activation=nn.Identity), ("layers",), prior=Normal(0.0, 0.7))
    model = MultiTaskModel(Pooled(), Gaussian(noise="known"), network, standardize=False)
    program = model.program(data).double()
    weight, bias = random.normal(size=(3, 2)), random.normal(size=3)
    values = {
        "mean": torch.ones(3, 1, 1, 1, dtype=torch.float64),
        "network.layers.0.weight": torch.as_tensor(weight).reshape(3, 1, 1, 2),
        "network.layers.0.bias": torch.as_tensor(bias).reshape(3, 1, 1),
    }
    batch = program.batch(data, dtype=torch.float64)
    found = log_densities(together(program, (batch,), SiteDraws(values, frozenset())), 3)
    expected = stats.norm.logpdf(y, weight @ x.T + bias[:, None], 0.5).sum(1)
    assert np.allclose(found["y"].detach(), expected, rtol=1e-6)  # features and prior pass through float32
    prior = stats.norm.logpdf(weight, 0.0, 0.7).sum(1)
    assert np.allclose(found["network.layers.0.weight"], prior, rtol=1e-6)


@dataclass(frozen=True)
class FixedHeads(AbstractTaskPrior):
    """Every weight of every task is 1."""

    def weights(self, dims: Dims) -> torch.Tensor:
        return torch.ones(dims.tasks, *dims.weights)


class FixedTurn(nn.Module):
    """Three functions of two features that are not trained, and a linear layer behind them."""

    in_features, out_features = 2, 1

    def __init__(self) -> None:
        super().__init__()
        turn = np.random.default_rng(1).normal(size=(2, 3))
        self.register_buffer("turn", torch.as_tensor(turn, dtype=torch.float32))
        self.last = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor, row: torch.Tensor | None, task: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(torch.tanh(x @ self.turn))
        return found if row is None else found.index_select(-2, row)


def test_the_posterior_of_a_random_last_layer_is_that_of_a_linear_regression() -> None:
    random, network = np.random.default_rng(0), FixedTurn()
    x = random.normal(size=(40, 2))
    hidden = np.column_stack([np.tanh(x @ network.turn.double().numpy()), np.ones(40)])
    y = hidden @ [1.0, -0.5, 0.3, 0.2] + 0.5 * random.normal(size=40)
    data = TaskData.from_arrays(x, y, np.arange(40) % 2, intercept=False, noise=np.full(40, 0.5))
    lifted = lift(network, "last", prior=Normal(0.0, 1.0))
    model = MultiTaskModel(FixedHeads(), Gaussian(noise="known"), lifted, standardize=False)
    svi = SVI(
        guide=AutoMultivariateNormal, particles=32, learning_rate=0.1, plateau=Plateau(window=60),
        draws=4000, progress=False, compile=False,
    )  # fmt: skip
    draws = svi.run(model, data).draws
    names = ("network.last.weight", "network.last.bias")
    found = np.concatenate([draws[name].reshape(4000, -1).numpy() for name in names], 1)
    covariance = np.linalg.inv(np.eye(4) + hidden.T @ hidden / 0.25)  # prior N(0, 1), noise 0.5
    mean, sd = covariance @ hidden.T @ y / 0.25, np.sqrt(np.diag(covariance))
    # 4,000 draws: 0.016 sd and 1.1 %; the optimiser's own noise, over seeds, up to 0.05 sd and 5 %
    assert (np.abs(found.mean(0) - mean) / sd).max() < 0.15
    assert np.abs(found.std(0) / sd - 1.0).max() < 0.1
    assert np.abs(np.corrcoef(found.T) - covariance / np.outer(sd, sd)).max() < 0.1


def test_draws_survive_a_file_and_are_named(tmp_path: Path) -> None:
    data = mixed_data()
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    svi = SVI(steps=5, draws=6, progress=False, compile=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), likelihood, NETWORKS["gates"]), data)
    assert posterior.draws["network.gate.weight"].shape == (6, 1, 2, 4, 3)
    again = load(posterior.save(tmp_path / "fit"))
    found = posterior.predict(data, kind="mean", keep_draws=True)
    assert np.array_equal(again.predict(data, kind="mean").mean, found.mean)
    assert found.draws.std(0).max() > 0
    assert "network.gate.bias[0, 1]" in posterior.summary().index
    assert np.isfinite(posterior.log_likelihood(data)).all()
    exported = posterior.to_arviz().posterior
    assert exported["network.gate.weight"].dims[2] == "network.gate.weight_dim_0"


def test_what_cannot_be_random_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="MultiClustering has terms"):
        lift(MultiClustering(2, [MLP(3)]), "weight")
    with pytest.raises(UnsupportedError, match="weights of GRU cannot be random"):
        lift(GRU(2), "cells")
    with pytest.raises(InputError, match="layers: expected some of the parameters"):
        lift(MLP(2), "gate")
    random = np.random.default_rng(0)
    data = TaskData.from_arrays(random.normal(size=(12, 3)), random.normal(size=12), np.arange(12) % 2)
    svi = SVI(steps=3, draws=5, progress=False, compile=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Gaussian(), NETWORKS["all"]), data)
    with pytest.raises(UnsupportedError, match="random layers"):
        adapt(posterior, TaskData.from_arrays(np.zeros((2, 3)), [0.0, 1.0], ["new", "new"]))
