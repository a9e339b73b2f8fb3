"""Cross-stitch networks."""

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import CrossStitch
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model, check_network


@pytest.mark.parametrize("tasks", [1, 3])
def test_it_keeps_its_contract(tasks: int) -> None:
    check_network(CrossStitch(2, tasks, (4, 3)))
    check_network(CrossStitch(2, tasks, (4,)), steps=4)


def test_it_is_what_the_paper_says() -> None:
    network, x = CrossStitch(2, 3, (4, 5), own=0.6), torch.randn(6, 2)
    h = [x] * 3
    for weight, bias, stitch in zip(network.weights, network.biases, network.stitches, strict=True):
        units = [torch.tanh(own @ weight[t].T + bias[t]) for t, own in enumerate(h)]
        h = [sum(stitch[t, s] * units[s] for s in range(3)) for t in range(3)]
    task = torch.arange(6) % 3
    expected = torch.stack([h[t][i] for i, t in enumerate(task.tolist())])
    assert torch.allclose(network(x, None, task), expected, atol=1e-6)  # float32
    assert torch.allclose(network.stitches[0].sum(1), torch.ones(3))


def test_without_mixing_tasks_are_alone() -> None:
    network = CrossStitch(2, 3, (4,), own=1.0)
    (features,) = torch.autograd.grad(
        network(torch.randn(6, 2), None, torch.ones(6).long()).sum(), network.weights[0]
    )
    assert not features[[0, 2]].any() and bool(features[1].any())


def test_a_model_keeps_its_contract() -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=12)
    y[::2] = y[::2] > 0
    data = TaskData.from_arrays(random.normal(size=(12, 2)), y, np.arange(12) % 2)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    check_model(MultiTaskModel(Hierarchical(), likelihood, CrossStitch(2, 2, (3,))), data)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="expected positive sizes"):
        CrossStitch(2, 3, ())
    with pytest.raises(InputError, match="own: expected a share"):
        CrossStitch(2, 3, own=2.0)
