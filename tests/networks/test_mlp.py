"""The shared network."""

import pytest
import torch
from torch import nn

from bayes_mtl._errors import InputError
from bayes_mtl.networks import MLP
from bayes_mtl.testing import check_network


@pytest.mark.parametrize("hidden", [(4,), (5, 3), (2, 2, 2)])
def test_it_keeps_its_contract(hidden: tuple[int, ...]) -> None:
    network = MLP(3, hidden, activation=nn.SiLU, seed=1)
    assert network.out_features == hidden[-1]
    check_network(network)


def test_it_is_what_it_says() -> None:
    network, x = MLP(2, (3, 4)), torch.randn(5, 2)
    first, _, second, _ = network.layers
    expected = torch.tanh(torch.tanh(x @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    assert torch.allclose(network(x), expected, atol=1e-6)


def test_particles_may_lead() -> None:
    network, x = MLP(2, (3,)), torch.randn(4, 5, 2)
    row = torch.tensor([0, 0, 3])
    assert torch.equal(network(x, row), network(x)[:, row])


def test_the_seed_makes_the_weights_and_leaves_the_callers_random_state() -> None:
    state = torch.get_rng_state()
    a, b, c = MLP(2, seed=1), MLP(2, seed=1), MLP(2, seed=2)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(a.layers[0].weight, b.layers[0].weight)
    assert not torch.equal(a.layers[0].weight, c.layers[0].weight)


@pytest.mark.parametrize("arguments", [(0, (3,)), (2, ()), (2, (3, 0))])
def test_impossible_sizes_are_refused(arguments: tuple[int, tuple[int, ...]]) -> None:
    with pytest.raises(InputError, match="in_features, hidden: expected positive sizes"):
        MLP(*arguments)
