"""MAML-MTL against gradients written by hand."""

from typing import Any

import pytest
import torch
from pyro import poutine
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl._seed import seeded
from bayes_mtl.inference import MAML, SVI, NetworkTraining
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Independent
from tests.inference import cases, rules

DATA = cases.known(cases.rows((6, 9, 12)))
WEIGHTED = TaskData.from_arrays(
    DATA.x, DATA.y, DATA.task, noise=DATA.noise, weight=torch.linspace(0.5, 2.0, len(DATA)).numpy()
)


def found_and_inputs(rule: MAML) -> tuple[dict[str, Tensor], Any, Tensor, Tensor, nn.Module]:
    """The rule's gradient in float64, the batch and its inner rows, drawn weights, the network."""
    model = MultiTaskModel(
        Independent(1.0), Gaussian(noise="known"), network=MLP(2, (4, 3)), standardize=False
    )
    with seeded(1), local_parameters():
        program = model.program(WEIGHTED)
        batch = program.batch(WEIGHTED, dtype=torch.float64)
        guide = make_guide(None, program, {})
        guide(program.batch(WEIGHTED))
        program.double(), guide.double()
        trained = TrainedNetwork(program, NetworkTraining(rule=rule), WEIGHTED, 1, 0.1)
        gradient = trained.gradient(guide, 1)
        assert gradient is not None
        leaves = [*guide.parameters(), *program.parameters()]
        torch.manual_seed(2)
        _, gradients = gradient((batch,), leaves)
        torch.manual_seed(2)
        trace = poutine.trace(guide).get_trace(batch)
        inner = torch.rand(len(batch.x)).argsort().argsort() < round(0.8 * len(batch.x))
        with poutine.replay(trace=trace):
            sampled = program.weights()
        network = program.network
        assert network is not None
        by_id = {id(leaf): value for leaf, value in zip(leaves, gradients, strict=True)}
        own = {name: by_id[id(value)] for name, value in network.named_parameters()}
        return {n: v for n, v in own.items() if v is not None}, batch, inner, sampled.detach(), network


def nll(parameters: dict[str, Tensor], batch: Any, weights: Tensor) -> Tensor:
    """Of each observation, times its weight: a network of two layers, and heads."""
    hidden = torch.tanh(batch.x @ parameters["layers.0.weight"].mT + parameters["layers.0.bias"])
    hidden = torch.tanh(hidden @ parameters["layers.2.weight"].mT + parameters["layers.2.bias"])
    own = weights[batch.task, :, 0]
    mean = own[:, 0] + (hidden * own[:, 1:]).sum(-1)
    return -torch.distributions.Normal(mean, cases.NOISE).log_prob(batch.y) * batch.scale


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("inner_rate", [None, 0.3])
def test_gradient_by_hand(second_order: bool, inner_rate: float | None) -> None:
    found, batch, inner, weights, network = found_and_inputs(
        MAML(inner_rate=inner_rate, second_order=second_order, weights={DATA.schema.tasks[1]: 2.5})
    )
    theta = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}
    rate = 0.1 if inner_rate is None else inner_rate
    expected = {name: torch.zeros_like(value) for name, value in theta.items()}
    for task in range(3):
        mine, others = inner & (batch.task == task), ~inner & (batch.task == task)
        loss = nll(theta, batch, weights)[mine].sum() / batch.scale[mine].sum()
        step = torch.autograd.grad(loss, list(theta.values()), create_graph=second_order)
        moved = {n: v - rate * g for (n, v), g in zip(theta.items(), step, strict=True)}
        outer = 5.0 * nll(moved, batch, weights)[others].sum()  # one row in five stands for all
        outer = 2.5 * outer if task == 1 else outer
        by = theta if second_order else moved
        for name, more in zip(theta, torch.autograd.grad(outer, list(by.values())), strict=True):
            expected[name] += more
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6)  # as specified; float64
    assert max(float(value.abs().max()) for value in expected.values()) > 0.1


def test_without_an_inner_step_the_outer_rows_give_the_gradient_of_the_elbo() -> None:
    found, batch, inner, weights, network = found_and_inputs(MAML(inner_rate=0.0))
    theta = {name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()}
    loss = 5.0 * nll(theta, batch, weights)[~inner].sum()
    for name, value in zip(theta, torch.autograd.grad(loss, list(theta.values())), strict=True):
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9)  # float64


def test_guide_and_prior_get_the_gradient_of_the_elbo() -> None:
    _, expected = rules.one_step(None)
    _, found = rules.one_step(MAML())
    for name, value in expected.items():
        same = torch.allclose(found[name], value, rtol=1e-4, atol=1e-5)  # float32
        assert same is not name.startswith("program/network")


@pytest.mark.parametrize("second_order", [False, True])
def test_captured_steps_are_the_same(second_order: bool) -> None:
    rule = MAML(second_order=second_order)
    one = rules.trajectory(rule, 2, captured=False)
    other = rules.trajectory(rule, 2, captured=True)
    for key, value in one[1].items():
        torch.testing.assert_close(other[1][key], value, rtol=1e-3, atol=1e-3)  # float32


def test_a_network_is_trained() -> None:
    svi = SVI(
        steps=24, network=NetworkTraining(MAML()), learning_rate=0.05, draws=2, progress=False, compile=False
    )
    losses = svi.run(rules.model(), rules.data()).record.losses
    assert losses[-6:].mean() < losses[:6].mean()


@pytest.mark.parametrize(("name", "value"), [("fraction", 1.0), ("inner_rate", -1.0)])
def test_bad_settings(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected"):
        MAML(**{name: value})
