"""A fit to sequences with missing labels: predictions, densities and exports of the observed ones."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.posterior import Posterior, load
from bayes_mtl.priors import Hierarchical

ROWS, STEPS = 24, 4
RANDOM = np.random.default_rng(0)
LENGTH = RANDOM.integers(1, STEPS + 1, ROWS)
X = RANDOM.normal(size=(ROWS, STEPS, 2))
X[RANDOM.random(X.shape) < 0.3] = np.nan
LABELS = (RANDOM.random((ROWS, 2)) < 0.5).astype(float)
LABELS[RANDOM.random(LABELS.shape) < 0.4] = np.nan
LEVEL = RANDOM.normal(size=(ROWS, STEPS))


class Sums(nn.Module):
    """Sums over the steps up to the observation's own; it counts the rows that it reads."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.read = 0

    def forward(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None
    ) -> Tensor:
        assert length is not None and len(length) == len(x)
        self.read += len(x)
        states = self.layer(x).tanh().cumsum(1)
        return states[torch.arange(len(task)) if row is None else row, step]


def made(x: np.ndarray = X) -> TaskData:
    return TaskData.from_sequences(
        x, lengths=LENGTH, per_sequence={"sign": LABELS}, per_step={"level": LEVEL}, missing="mask"
    )


@pytest.fixture(scope="module")
def fitted() -> Posterior:
    model = MultiTaskModel(Hierarchical(), Mixed({"level": Gaussian()}, default=Bernoulli()), Sums())
    return SVI(steps=30, batch_size=8, draws=20, progress=False).run(model, made())


def test_each_observation_is_predicted_as_if_alone(fitted: Posterior) -> None:
    data = made()
    every, density = fitted.predict(data), fitted.log_likelihood(data)
    assert every.mean.shape == (len(data),) and density.shape == (20, len(data))
    assert isinstance(fitted.program.network, Sums)
    fitted.program.network.read = 0
    fitted.log_likelihood(data)
    assert fitted.program.network.read == len(data.x)  # each sequence once, whatever the number of targets
    for i in (0, len(data) // 2, len(data) - 1):
        one = data.subset([i])
        # float32, in products of other sizes
        np.testing.assert_allclose(fitted.predict(one).mean, every.mean[i], rtol=1e-4)
        np.testing.assert_allclose(fitted.log_likelihood(one)[:, 0], density[:, i], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        fitted.score(data).log_density, np.logaddexp.reduce(density, 0) - np.log(20), rtol=1e-4, atol=1e-5
    )


def test_padding_changes_nothing(fitted: Posterior) -> None:
    other = X.copy()
    other[np.arange(STEPS) >= LENGTH[:, None]] = 1e3
    np.testing.assert_array_equal(fitted.predict(made(other)).mean, fitted.predict(made()).mean)


def test_the_export_holds_observed_targets_alone(fitted: Posterior) -> None:
    data = made()
    assert len(data) == (~np.isnan(LABELS)).sum() + LENGTH.sum()
    tree = fitted.to_arviz(data)
    observed = tree["observed_data"]["y"]
    np.testing.assert_array_equal(np.asarray(observed), data.y)
    assert np.isfinite(np.asarray(tree["log_likelihood"]["y"])).all()
    inputs = np.asarray(tree["constant_data"]["x"])
    np.testing.assert_array_equal(inputs, data.x[data.row, data.step])


def test_groups_and_fill_survive_a_file(fitted: Posterior, tmp_path: object) -> None:
    path = fitted.save(f"{tmp_path}/fit.safetensors")
    again = load(
        path, MultiTaskModel(Hierarchical(), Mixed({"level": Gaussian()}, default=Bernoulli()), Sums())
    )
    assert again.program.schema == fitted.program.schema
    assert again.program.schema.task_groups == ("sign", "sign", "")
    new = TaskData.from_sequences(
        X, lengths=LENGTH, per_step={"level": LEVEL}, missing="mask", schema=again.program.schema
    )
    np.testing.assert_array_equal(
        again.predict(new).mean, fitted.predict(made().subset(made().task == 2)).mean
    )
