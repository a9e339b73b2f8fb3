"""Latent features: their prior is the other tasks', their divergence counts as the likelihood does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine
from torch.distributions import Normal

from bayes_mtl import MultiTaskModel, Posterior, TaskData, load
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.inference import MAP, NUTS, SVI, adapt
from bayes_mtl.likelihoods import Categorical, Gaussian, Mixed
from bayes_mtl.networks import MLP, RelatedFeatures
from bayes_mtl.plots import plot_relatedness
from bayes_mtl.priors import GumbelSoftmax, Hierarchical
from bayes_mtl.testing import check_model, check_network
from tests.posterior.examples import example

FAST = SVI(steps=250, particles=1, draws=100, learning_rate=0.03, progress=False, compile=False)
CENTERS = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])


def classes(rows: int = 10, tasks: int = 3) -> TaskData:
    """Three classes, the same in all tasks."""
    random = np.random.default_rng(0)
    y = np.tile(np.arange(3), rows * tasks)
    x = CENTERS[y] + 0.4 * random.normal(size=(len(y), 2))
    return TaskData.from_arrays(x, y.astype(float), np.arange(len(y)) // (3 * rows))


def numbers(rows: int = 40, tasks: int = 3) -> TaskData:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows * tasks, 2))
    y = x[:, 0] + 0.05 * random.normal(size=rows * tasks)
    return TaskData.from_arrays(x, y, np.arange(rows * tasks) // rows)


def network(**settings: Any) -> RelatedFeatures:
    return RelatedFeatures(MLP(2, (8,)), 3, **settings)


@pytest.fixture(scope="module")
def fitted() -> Posterior:
    return FAST.run(MultiTaskModel(GumbelSoftmax(), Categorical(), network()), classes())


def test_it_keeps_the_contracts_of_networks_and_models() -> None:
    check_network(network())
    for model, data in (
        (MultiTaskModel(GumbelSoftmax(), Categorical(), network()), classes()),
        (MultiTaskModel(Hierarchical(), Gaussian(), network()), numbers()),
    ):
        check_model(model, data)


def test_the_term_is_the_divergence_from_the_mixture_of_other_tasks() -> None:
    """Written out for each observation, from the moments before the step."""
    y = np.array([0.0, 1, 0, 1, 0])
    data = TaskData.from_arrays(np.zeros((5, 2)), y, [0, 0, 1, 1, 2])
    seen = torch.tensor([[True, True], [True, True], [True, False]])
    bound = network(spread=0.4).bind(data, seen).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        bound.related.mean.copy_(torch.randn(3, 2, 3, generator=generator))
        bound.related.square.copy_(bound.related.mean.square() + torch.rand(3, 2, 3, generator=generator))
        bound.logits.copy_(torch.randn(3, 4, generator=generator))
    mean, variance = bound.related.moments()
    task, label = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0])
    with seeded(3):
        prior = bound.prior(task, label)
    with seeded(3):
        noisy = bound._noisy((), bound.logits)
    value = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    found = prior.log_prob(value.unsqueeze(-1))
    # task 2 never saw class 1, so task 0 has only task 1 there, and task 1 only task 0
    for place, others in enumerate([[1, 2], [1], [0], [0, 1]]):
        t, c = task[place], label[place]
        share = noisy[t][others].softmax(0)
        sd = (variance[others, c] + 0.16).sqrt()
        each = Normal(mean[others, c], sd).log_prob(value[place]).sum(-1)
        assert torch.isclose(found[place], (share.log() + each).logsumexp(0), rtol=1e-9)  # float64


def test_the_moments_are_those_of_the_previous_step_and_carry_no_gradient() -> None:
    data = classes()
    program = MultiTaskModel(GumbelSoftmax(), Categorical(), network()).program(data)
    net, batch = program.network, program.batch(data)
    assert isinstance(net, RelatedFeatures)
    before = net.related.mean.clone()
    prior = net.prior(batch.task, net.classes(batch.y, batch.task))  # type: ignore[arg-type]
    poutine.trace(program).get_trace(batch)
    assert not prior.source_mean.requires_grad
    assert torch.equal(prior.source_mean[0, :-1, :, 0], before[:, int(batch.y[0])])  # type: ignore[index]
    with torch.no_grad():
        mean, sd = net._moments(batch)
    own = (batch.task == 1) & (batch.y == 2)
    # float32; a momentum of 1 takes the batch as it is
    assert torch.allclose(net.related.mean[1, 2], mean[own].mean(0), atol=1e-5)
    square = (mean[own].square() + sd[own].square()).mean(0)
    assert torch.allclose(net.related.square[1, 2], square, atol=1e-5)


def test_tasks_share_classes_and_predictions_average_over_features(fitted: Posterior) -> None:
    data = classes()
    assert (fitted.predict(data).probabilities.argmax(1) == data.y).mean() > 0.95  # type: ignore[union-attr]
    beta = fitted.draws["beta"]
    assert beta.shape == (100, 3, 3) and torch.equal(beta.diagonal(dim1=1, dim2=2), torch.zeros(100, 3))
    assert torch.allclose(beta.sum(-1), torch.ones(100, 3), atol=1e-5)
    assert (beta.std(0) > 0).any()
    assert fitted.to_arviz().posterior["beta"].dims[2:] == ("task", "task_bis")
    assert fitted.record.log_weights is None
    program, batch = fitted.program, fitted.program.batch(data)
    with seeded(0), torch.no_grad():
        drawn = program.network.draw(batch, (4000,))  # type: ignore[union-attr, operator]
        mean, sd = program.network._moments(batch)  # type: ignore[union-attr, operator]
    # 6 Monte-Carlo standard errors of 4,000 draws
    assert ((drawn.mean(0) - mean).abs() < 6 * sd / 4000**0.5).all()
    assert torch.equal(program.network(batch.x, batch.row, batch.task), mean)  # type: ignore[misc]


def test_a_file_holds_it(fitted: Posterior, tmp_path: Path) -> None:
    again = load(fitted.save(tmp_path / "fit"))
    x = CENTERS + 0.1
    found = [p.predict(x, "1").probabilities for p in (fitted, again)]
    assert np.array_equal(*found)  # type: ignore[arg-type]
    assert torch.equal(again.draws["beta"], fitted.draws["beta"])


def test_a_new_task_gets_its_row_of_beta(fitted: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_mtl.inference._adapt_by_guide._STEPS", 200)  # enough for three rows
    rows = TaskData.from_arrays(CENTERS, np.arange(3.0), np.array(["new"] * 3))
    found = adapt(fitted, rows)
    beta = found.draws["beta"]
    assert beta.shape == (100, 4, 4) and (beta[:, :3, 3] == 0).all()
    assert torch.equal(beta[:, :3, :3], fitted.draws["beta"])
    assert torch.allclose(beta[:, 3].sum(-1), torch.ones(100), atol=1e-5)
    x = np.repeat(CENTERS, 20, 0) + 0.4 * np.random.default_rng(5).normal(size=(60, 2))
    chosen = found.predict(x, "new").probabilities.argmax(1)  # type: ignore[union-attr]
    assert (chosen == np.repeat(np.arange(3), 20)).mean() > 0.9
    for name, value in fitted.program.network.encoder.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(found.program.network.encoder.state_dict()[name], value)  # type: ignore[union-attr]


@pytest.mark.parametrize("tasks", [1, 2])
def test_regression_with_one_task_and_with_two(tasks: int) -> None:
    data = numbers(tasks=tasks)
    posterior = FAST.run(MultiTaskModel(GumbelSoftmax(), Gaussian(), network()), data)
    beta = posterior.draws["beta"]
    expected = torch.ones(1, 1) if tasks == 1 else torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert torch.allclose(beta, expected.expand_as(beta))
    residual = data.y - posterior.predict(data, kind="mean").mean
    assert residual.var() < 0.5 * data.y.var()


def test_targets_that_are_no_classes_are_cut_at_quantiles_of_their_task() -> None:
    random = np.random.default_rng(0)
    y = np.concatenate([np.arange(12) % 3, 100 * random.normal(size=12), random.normal(size=12)]).astype(
        float
    )
    data = TaskData.from_arrays(random.normal(size=(36, 2)), y, np.repeat([0, 1, 2], 12))
    likelihood = Mixed({"0": Categorical(3), "1": Gaussian(), "2": Gaussian()})
    program = MultiTaskModel(GumbelSoftmax(), likelihood, network(bins=4)).program(data)
    batch = program.batch(data)
    label = program.network.classes(batch.y, batch.task).reshape(3, 12)  # type: ignore[union-attr, operator]
    assert label[0].tolist() == (np.arange(12) % 3).tolist()
    for part, own in zip(label[1:], y.reshape(3, 12)[1:], strict=True):
        assert part.tolist() == (own.argsort().argsort() // 3).tolist()
    seen = program.network.classes.seen  # type: ignore[union-attr]
    assert seen.tolist() == [[True, True, True, False], [True] * 4, [True] * 4]  # type: ignore[union-attr]


@pytest.mark.parametrize("inference", [NUTS(), MAP()], ids=lambda v: type(v).__name__)
def test_only_svi_fits_it(inference: Any) -> None:
    with pytest.raises(UnsupportedError, match="RelatedFeatures: the prior of its features"):
        inference.run(MultiTaskModel(Hierarchical(), Gaussian(), network()), numbers())


@pytest.mark.parametrize("settings", [{"spread": 0.0}, {"momentum": 1.5}, {"temperature": (1.0, 0.0)}])
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        network(**settings)


def test_relatedness_of_the_features(fitted: Posterior) -> None:
    beta = fitted.draws["beta"].double().numpy()
    found = fitted.relatedness(of="features")
    assert list(found.mean.index) == list(fitted.tasks)
    for i in range(3):
        for j in range(3):
            values = np.ones(100) if i == j else 0.5 * (beta[:, i, j] + beta[:, j, i])
            assert found.mean.iloc[i, j] == pytest.approx(values.mean(), abs=1e-6)
            assert found.upper.iloc[i, j] == pytest.approx(np.quantile(values, 0.95), abs=1e-6)
    label = plot_relatedness(fitted, of="features").axes[1].get_ylabel()
    assert "features" in label
    other, _ = example()
    with pytest.raises(InputError, match="network"):
        other.relatedness(of="features")
