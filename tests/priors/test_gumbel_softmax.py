"""The Gumbel-softmax prior: who may be a source, what a fit keeps, new tasks, classes never seen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from bayes_mtl import MultiTaskModel, Posterior, TaskData, load
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.inference import MAP, NUTS, SVI, Collapsed, adapt
from bayes_mtl.likelihoods import Categorical, Gaussian
from bayes_mtl.priors import GumbelSoftmax, at_draws
from bayes_mtl.priors._mixture_state import MixtureState

FAST = SVI(steps=300, particles=1, draws=300, learning_rate=0.05, progress=False, compile=False)
CENTERS = np.array([[2.0, -2.0, 1.0], [-2.0, 1.0, 2.0]])


def blocks(tasks: int = 6, rows: int = 12) -> TaskData:
    """Two kinds of regressions, the even tasks and the odd ones."""
    random = np.random.default_rng(0)
    weights = CENTERS[np.arange(tasks) % 2] + 0.1 * random.normal(size=(tasks, 3))
    task = np.repeat(np.arange(tasks), rows)
    x = random.normal(size=(len(task), 3))
    return TaskData.from_arrays(x, (weights[task] * x).sum(1) + 0.3 * random.normal(size=len(task)), task)


@pytest.fixture(scope="module")
def fitted() -> Iterator[Posterior]:
    yield FAST.run(MultiTaskModel(GumbelSoftmax(), Gaussian()), blocks())


def test_related_tasks_find_each_other(fitted: Posterior) -> None:
    alpha = fitted.draws["alpha"].mean(0)
    same = torch.arange(6)[:, None] % 2 == torch.arange(6) % 2
    assert torch.equal(alpha.diagonal(), torch.zeros(6))
    assert (alpha * same).sum(1).min() > 0.9
    related = fitted.relatedness().mean.to_numpy()
    assert np.allclose(related, related.T) and np.allclose(related.diagonal(), 1.0)


def test_the_sources_are_the_posteriors(fitted: Posterior) -> None:
    (state,) = fitted.program.states
    weights = fitted.draws["weights"]
    # 5 Monte-Carlo standard errors of 300 draws
    assert ((weights.mean(0) - state.mean).abs() < 5 * state.sd / 300**0.5).all()
    assert ((weights.std(0) / state.sd - 1).abs() < 5 / 600**0.5).all()
    assert float(state.steps) == 300


def test_the_density_is_the_mixture_of_the_others() -> None:
    """Written out for one task, from state and noise."""
    prior = GumbelSoftmax(spread=0.4, temperature=(2.0, 1.0), anneal=100)
    dims = Dims(tasks=3, features=2, outputs=2)
    state = prior.state(dims)
    with torch.no_grad():
        state.logits.copy_(torch.randn(3, 4))
        state.refresh(torch.randn(3, 2, 2), torch.rand(3, 2, 2) + 0.1)
        state.steps.fill_(50.0)
    noise, value = torch.randn(3, 4), torch.randn(3, 2, 2)
    dims = Dims(tasks=3, features=2, outputs=2, state=state)
    found = prior._mixture(dims, noise, None).log_prob(value)
    for t in range(3):
        others = [i for i in range(3) if i != t]
        alpha = ((state.logits[t] + noise[t]) / 1.5)[others].softmax(0)
        sd = (state.sd[others].square() + 0.16).sqrt()
        each = Normal(state.mean[others], sd).log_prob(value[t]).sum(-2)
        expected = (alpha.log()[:, None] + each).logsumexp(0).sum()
        # float32
        assert torch.isclose(found[t], expected, rtol=1e-4)


@pytest.mark.parametrize("alone", [False, True])
def test_one_task_has_the_base_and_two_have_each_other(alone: bool) -> None:
    one = MixtureState(Dims(1, 2), 1.0, alone)
    assert torch.equal(one.choice(torch.zeros(1, 2)).exp()[..., 0], torch.tensor([[0.0, 1.0]]))
    two = MixtureState(Dims(2, 2), 1.0, alone).choice(torch.zeros(2, 3)).exp()[..., 0]
    share = 0.5 if alone else 1.0
    expected = torch.tensor([[0.0, share, 1 - share], [share, 0.0, 1 - share]])
    assert torch.allclose(two, expected)


def test_a_class_is_drawn_from_tasks_that_saw_it() -> None:
    seen = torch.tensor([[True, False, False], [True, True, False], [True, True, False]])
    state = MixtureState(Dims(3, 2, 3, seen=seen), 1.0, False)
    share = state.choice(torch.zeros(3, 4)).exp()
    assert torch.allclose(share[1, :, 0], torch.tensor([0.5, 0.0, 0.5, 0.0]))
    assert torch.allclose(share[1, :, 1], torch.tensor([0.0, 0.0, 1.0, 0.0]))
    assert torch.equal(share[1, :, 2], torch.tensor([0.0, 0.0, 0.0, 1.0]))  # the base: nobody saw it


def test_a_class_that_a_task_never_saw_is_predicted() -> None:
    random = np.random.default_rng(0)
    centers = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    task, y = np.repeat(np.arange(3), 60), np.tile(np.arange(3), 60)
    x = centers[y] + 0.5 * random.normal(size=(180, 2))
    train = TaskData.from_arrays(x, y.astype(float), task)
    train = train.subset((train.task != 0) | (train.y != 2))
    posterior = FAST.run(MultiTaskModel(GumbelSoftmax(), Categorical(3)), train)
    new = centers[2] + 0.5 * random.normal(size=(200, 2))
    chosen = posterior.predict(new, "0").probabilities.argmax(1)  # type: ignore[union-attr]
    assert (chosen == 2).mean() > 0.8  # chance is a third


def test_a_new_task_finds_its_block(
    fitted: Posterior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_mtl.inference._adapt_by_guide._STEPS", 500)  # enough for five rows
    random = np.random.default_rng(1)
    x = random.normal(size=(5, 3))
    rows = TaskData.from_arrays(x, x @ CENTERS[1] + 0.3 * random.normal(size=5), np.array(["new"] * 5))
    found = adapt(fitted, rows)
    assert found.tasks == (*fitted.tasks, "new")
    alpha = found.draws["alpha"].mean(0)
    assert alpha[6, [1, 3, 5]].sum() > 0.9 and (found.draws["alpha"][:, :6, 6] == 0).all()
    assert torch.equal(found.draws["weights"][:, :6], fitted.draws["weights"])
    new = random.normal(size=(100, 3))
    truth = new @ CENTERS[1]
    errors = [
        np.mean((p.predict(new, "new", new_task=zero, kind="mean").mean - truth) ** 2)
        for p, zero in ((found, False), (fitted, True))
    ]
    assert errors[0] < 0.2 * errors[1]  # before its rows it may be of either kind
    again = load(found.save(tmp_path / "fit"))
    for zero in (False, True):
        arguments: dict[str, Any] = {"task": "other" if zero else "new", "new_task": zero}
        assert np.array_equal(again.predict(new, **arguments).mean, found.predict(new, **arguments).mean)


def test_before_any_rows_a_task_is_the_average_mixture(fitted: Posterior) -> None:
    prior, program = fitted.program.prior, fitted.program
    assert isinstance(prior, GumbelSoftmax)
    dims = Dims(tasks=4000, features=4, name="new_tasks", state=program.states[0])
    with torch.no_grad():
        weights = at_draws(lambda: prior.new_weights(dims), {"_none": torch.zeros(1, 1)})[0]
    share = fitted.draws["alpha"].mean((0, 1))[:, None, None]
    assert torch.isclose(share.sum(), torch.tensor(1.0), atol=1e-5)
    expected = (share * program.states[0].mean).sum(0)
    # 6 Monte-Carlo standard errors of 4,000 draws
    assert ((weights.mean(0) - expected).abs() < 6 * weights.std(0) / 4000**0.5).all()


@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_a_new_task_has_the_shares_that_the_fitted_ones_draw(rate: float) -> None:
    """The learned logits times the rate, with noise, at the temperature."""
    prior = GumbelSoftmax(rate=rate, alone=True)
    program = MultiTaskModel(prior, Gaussian()).program(blocks(3))
    (state,), dims = program.states, program.dims()
    state.logits.data = torch.tensor([[0.0, 0.4, 0.0, 0.1], [0.4, 0.0, 0.1, 0.0], [0.2, 0.0, 0.0, -0.1]])
    with torch.no_grad():
        noise = torch.distributions.Gumbel(torch.zeros(4000, 3, 4), 1.0).sample()
        drawn = prior.derive({"weights": torch.zeros(4000, 3, 4, 1), "alpha_noise": noise}, dims)["alpha"]
        extended = prior.extended_state(dims, Dims(tasks=1, features=4))
        share = torch.cat([drawn.mean((0, 1)), 1 - drawn.mean((0, 1)).sum(-1, keepdim=True)])
        start = (share[:3, None, None] * state.mean).sum(0)
        found = state.average(prior._shares(state)).exp()[0, :, 0]
    # 5 Monte-Carlo standard errors of 2 x 4,000 draws, a share's deviation being at most 0.5
    assert torch.allclose(found, share, atol=5 * 0.5 * 2**0.5 / 4000**0.5)
    assert torch.allclose(extended.mean[3], start, atol=0.02)


@pytest.mark.parametrize("inference", [NUTS(), MAP(), Collapsed()], ids=lambda v: type(v).__name__)
def test_it_is_no_joint_distribution(inference: Any) -> None:
    with pytest.raises(UnsupportedError, match="is no fixed joint distribution"):
        inference.run(MultiTaskModel(GumbelSoftmax(), Gaussian()), blocks())


@pytest.mark.parametrize(
    "settings",
    [
        {"spread": -1.0},
        {"temperature": (1.0, 0.0)},
        {"base_scale": 0.0},
        {"tempering": 0.0},
        {"amortised": -1},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        GumbelSoftmax(**settings)


def three_classes(tasks: int = 3, rows: int = 60) -> tuple[TaskData, np.ndarray]:
    """Three clouds, the same in all tasks, and where they are."""
    random = np.random.default_rng(0)
    centers = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    task, y = np.repeat(np.arange(tasks), rows), np.tile(np.arange(3), tasks * rows // 3)
    x = centers[y] + 0.5 * random.normal(size=(len(y), 2))
    return TaskData.from_arrays(x, y.astype(float), task), centers


@pytest.mark.parametrize("batch_size", [None, 60])
def test_amortised_weights_are_made_of_average_features(batch_size: int | None) -> None:
    data, _ = three_classes()
    svi = replace(FAST, steps=200, batch_size=batch_size)
    posterior = svi.run(MultiTaskModel(GumbelSoftmax(amortised=8), Categorical()), data)
    (state,) = posterior.program.states
    batch = posterior.program.batch(data)
    average = batch.x[(batch.task == 1) & (batch.y == 2)].mean(0)
    found = state.amortised.averages[1, 2]
    # of mini-batches: a running average over the newest ten, of about seven rows with sd 0.4 each
    assert torch.allclose(found[1:], average, atol=1e-5 if batch_size is None else 4 * 0.4 / 70**0.5)
    assert float(found[0]) == pytest.approx(1.0, abs=1e-5)
    mean, log_sd = (value.detach() for value in state.amortised())
    if batch_size is None:
        weights = posterior.draws["weights"]
        # 5 Monte-Carlo standard errors of 300 draws
        assert ((weights.mean(0) - mean).abs() < 5 * log_sd.exp() / 300**0.5).all()
    chosen = posterior.predict(data).probabilities.argmax(1)  # type: ignore[union-attr]
    assert (chosen == data.y).mean() > 0.95


def test_amortised_weights_of_a_new_task_need_no_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bayes_mtl.inference._adapt_by_guide._STEPS", 5)
    data, centers = three_classes()
    model = MultiTaskModel(GumbelSoftmax(amortised=8), Categorical())
    posterior = replace(FAST, steps=200).run(model, data)
    rows = TaskData.from_arrays(centers, np.arange(3.0), np.array(["new"] * 3))
    found = adapt(posterior, rows)
    new = centers.repeat(40, 0) + 0.5 * np.random.default_rng(1).normal(size=(120, 2))
    again = load(found.save(tmp_path / "fit"))
    probabilities = again.predict(new, "new").probabilities
    assert (probabilities.argmax(1) == np.arange(3).repeat(40)).mean() > 0.9  # type: ignore[union-attr]
    layers = [p.program.states[0].amortised.layers.state_dict() for p in (posterior, again)]  # type: ignore[union-attr]
    assert all(torch.equal(layers[0][name], layers[1][name]) for name in layers[0])


def test_amortised_weights_of_a_regression() -> None:
    data = blocks()
    posterior = replace(FAST, steps=400).run(MultiTaskModel(GumbelSoftmax(amortised=16), Gaussian()), data)
    residual = data.y - posterior.predict(data, kind="mean").mean
    assert residual.var() < 0.2 * data.y.var()
