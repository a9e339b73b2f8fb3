"""Encoders of sequences: their contract, that they look back only, and what they are made of."""

from functools import partial

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import GRU, LSTM, MLP, AbstractEncoder, Conv, SelectedExperts, Transformer, experts
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model, check_network

ENCODERS = {
    "gru": GRU(2, 4, seed=1),
    "lstm": LSTM(2, 4, 2, seed=1),
    "conv": Conv(2, (3, 4), kernel=2, seed=1),
    "transformer": Transformer(2, 4, 2, 2, seed=1),
    "mlp": MLP(2, (4,), seed=1),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_keeps_its_contract(name: str) -> None:
    check_network(ENCODERS[name], features=2, steps=6)


@pytest.mark.parametrize("name", ENCODERS)
def test_outputs_depend_on_earlier_steps_alone(name: str) -> None:
    encoder, x = ENCODERS[name].eval(), torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
    other = x.clone()
    other[:, 4:] += 1.0
    with torch.no_grad():
        before, after = encoder.encode(x), encoder.encode(other)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)  # kernels may round differently
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-3)
    if name != "mlp":
        other = x.clone()
        other[:, 2] += 1.0
        assert not torch.allclose(before[:, 3], encoder.encode(other)[:, 3], atol=1e-3)


def test_an_observation_gets_its_row_and_step() -> None:
    encoder, x = ENCODERS["gru"], torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))
    row, step = torch.tensor([2, 0, 0]), torch.tensor([4, 1, 0])
    all_steps = encoder(x)
    assert all_steps.shape == (3, 5, 4)
    assert torch.equal(encoder(x, row, None, step), all_steps[row, step])
    assert torch.equal(encoder(x, None, None, step), all_steps[torch.arange(3), step])


def test_convolutions_see_the_steps_they_say() -> None:
    """Two layers of kernel 3: ``1 + 2 (2^2 - 1) = 7`` steps."""
    encoder, x = Conv(1, (3, 3), 3, activation=torch.nn.Tanh), torch.zeros(1, 12, 1)
    other = x.clone()
    other[:, 2] = 1.0
    changed = (encoder(x) != encoder(other)).any(-1)[0]
    assert changed.tolist() == [2 <= step < 9 for step in range(12)]


@pytest.mark.parametrize("kind", [GRU, LSTM, Conv, Transformer])
def test_the_seed_makes_the_weights_and_leaves_the_callers_random_state(kind: type[AbstractEncoder]) -> None:
    state = torch.get_rng_state()
    a, b, c = kind(4, seed=1), kind(4, seed=1), kind(4, seed=2)
    assert torch.equal(state, torch.get_rng_state())
    same = [torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True)]
    other = [torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True)]
    assert all(same) and not all(other)


def test_impossible_sizes_and_rows_without_steps_are_refused() -> None:
    with pytest.raises(InputError, match="in_features, hidden, layers: expected positive sizes"):
        GRU(0, 3)
    with pytest.raises(InputError, match="positive sizes and at least one layer"):
        Conv(2, ())
    with pytest.raises(InputError, match="width: expected an even multiple of heads, 4"):
        Transformer(2, 10, 4)
    with pytest.raises(InputError, match=r"GRU: expected sequences .* found the shape \(3, 2\)"):
        GRU(2, 3)(torch.zeros(3, 2))


@pytest.mark.parametrize("name", ["gru", "lstm", "conv", "selected experts"])
def test_a_model_of_sequences_keeps_its_contract(name: str) -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=12)
    y[::2] = y[::2] > 0
    data = TaskData.from_arrays(random.normal(size=(12, 4, 2)), y, np.arange(12) % 2)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    chosen = SelectedExperts(2, experts(partial(GRU, 2, 3), 3), torch.tensor([[1, 1, 0], [0, 1, 1]]) > 0)
    network = chosen if name == "selected experts" else ENCODERS[name]
    check_model(MultiTaskModel(Hierarchical(), likelihood, network), data)


def test_sizes_that_do_not_fit_the_data_are_refused_before_the_fit() -> None:
    data = TaskData.from_arrays(np.zeros((6, 3)) + np.arange(6)[:, None], np.arange(6.0), np.arange(6) % 2)
    with pytest.raises(InputError, match=r"network \(in_features\): expected .* of the data, 3, found 2"):
        MultiTaskModel(Hierarchical(), Gaussian(), MLP(2)).program(data)
