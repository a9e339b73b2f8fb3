"""Experts and gates of a mixture, on a network whose gates and experts are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.diagnostics import expert_diversity, expert_use, gate_entropy, task_similarity
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, MMoE, experts
from bayes_mtl.priors import Hierarchical

ROWS, STEPS = 30, 4
RANDOM = np.random.default_rng(0)
LENGTH = RANDOM.integers(1, STEPS + 1, ROWS)
GATES = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.2, 0.8]])
SCALES = torch.tensor([1.0, 2.0, 5.0])


class Known(nn.Module):
    """Expert e multiplies the inputs by its scale; gates depend on the task alone."""

    out_features = 2

    def expert_outputs(self, x: Tensor, task: Tensor | None = None) -> Tensor:
        return x.unsqueeze(-2) * SCALES[:, None]

    def gates(self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor | None = None) -> Tensor:
        return GATES[task]

    def forward(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None
    ) -> Tensor:
        rows = torch.arange(len(task)) if row is None else row
        mixed = GATES[task].unsqueeze(-2) @ self.expert_outputs(x)[rows, step]
        return mixed.squeeze(-2)


@pytest.fixture(scope="module")
def data() -> TaskData:
    x = RANDOM.normal(size=(ROWS, STEPS, 2))
    x[np.arange(STEPS) >= LENGTH[:, None]] = 1e3
    whole = RANDOM.normal(size=(ROWS, 2))
    return TaskData.from_sequences(
        x, lengths=LENGTH, per_sequence={"t": whole}, per_step={"u": RANDOM.normal(size=(ROWS, STEPS))}
    )


def fit(network: nn.Module | None, data: TaskData) -> Posterior:
    return SVI(steps=2, draws=3, progress=False).run(
        MultiTaskModel(Hierarchical(), Gaussian(), network), data
    )


@pytest.fixture(scope="module")
def fitted(data: TaskData) -> Posterior:
    return fit(Known(), data)


def test_use_entropy_and_similarity(fitted: Posterior, data: TaskData) -> None:
    use = expert_use(fitted, data)
    np.testing.assert_allclose(use, GATES, rtol=1e-6)  # float32
    assert use.index.tolist() == ["t[0]", "t[1]", "u"]
    entropy = gate_entropy(fitted, data)
    expected = [0.0, np.log(2), -0.2 * np.log(0.2) - 0.8 * np.log(0.8)]
    np.testing.assert_allclose(entropy["entropy"], expected, atol=1e-6)  # float32
    np.testing.assert_allclose(entropy["use_experts"], np.exp(expected), rtol=1e-6)
    similar = task_similarity(fitted, data)
    np.testing.assert_allclose(similar, np.corrcoef(GATES), atol=1e-6)


def test_diversity_counts_valid_steps_once(fitted: Posterior, data: TaskData) -> None:
    found = expert_diversity(fitted, data)
    # |f_i - f_j| is proportional to the difference of the scales: 1, 3, 4 of 4
    expected = np.array([[0, 1, 4], [1, 0, 3], [4, 3, 0]]) / 4
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-6, atol=0)  # float32
    assert found.score == pytest.approx(16 / 4 / 9) and found.off_diagonal == pytest.approx(16 / 4 / 6)
    assert found.to_frame().shape == (3, 3) and "score 0.444" in repr(found)
    padded = data.x.copy()
    padded[np.arange(STEPS) >= np.asarray(data.length)[:, None]] = -7.0
    assert np.array_equal(expert_diversity(fitted, replace(data, x=padded)).matrix, found.matrix)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_the_librarys_mixture(alpha: float) -> None:
    x = RANDOM.normal(size=(50, 3))
    data = TaskData.from_outputs(x, RANDOM.normal(size=(50, 3)))
    network = MMoE(3, experts(lambda seed: MLP(3, (4,), seed=seed), 4), alpha=alpha)
    fitted = fit(network, data)
    use = expert_use(fitted, data).to_numpy()
    np.testing.assert_allclose(use.sum(1), 1.0, rtol=1e-6)  # float32
    assert ((use == 0) == ~network.open.numpy()).all()
    assert 0 < expert_diversity(fitted, data).score < 1
    assert task_similarity(fitted, data).shape == (3, 3)


def test_networks_without_experts_are_refused(data: TaskData) -> None:
    flat = TaskData.from_outputs(RANDOM.normal(size=(20, 2)), RANDOM.normal(size=(20, 2)))
    with pytest.raises(UnsupportedError, match="MLP has no experts and gates"):
        expert_use(fit(MLP(2), flat), flat)
    with pytest.raises(UnsupportedError, match="A model without a network has no experts"):
        expert_diversity(fit(None, flat), flat)
