"""Choices by the score-function gradient, against enumeration; clusters, policies and what is deployed."""

from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import InputError
from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch
from bayes_mtl.inference import SVI
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._eager_step import EagerStep
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._whole_data import WholeData
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import GRU, MLP, AdaShare, MultiClustering, SelectedExperts, experts
from bayes_mtl.networks._choices import Choices
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model, check_network


def clusters(tasks: int = 3, number: int = 4, **options: Any) -> MultiClustering:
    return MultiClustering(tasks, experts(partial(MLP, 3, (5,)), number), **options)


NETWORKS = {
    "clusters": clusters(prior_inclusion=0.3),
    "clusters with a price": clusters(penalty=0.1, baseline=None),
    "policies": AdaShare(3, 3, 6, 3, prior_inclusion=0.5),
}


def batch_of(task: Tensor, scale: Tensor | None = None) -> Batch:
    number = len(task)
    x = torch.randn(number, 3, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(number) if scale is None else scale
    return Batch(x, task, ones, torch.zeros(3, 1), torch.ones(3, 1), torch.ones(number))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_keeps_its_contract(name: str) -> None:
    check_network(NETWORKS[name])


def test_clusters_of_experts_of_sequences() -> None:
    check_network(MultiClustering(3, experts(partial(GRU, 2, 4), 3)), steps=5)
    open = torch.tensor([[1, 0], [0, 1], [1, 1]]) > 0
    check_network(SelectedExperts(3, experts(partial(GRU, 2, 4), 2), open), steps=5)


@pytest.mark.parametrize("name", ["clusters", "policies"])
def test_a_model_keeps_its_contract(name: str) -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=18)
    y[::3] = y[::3] > 0
    data = TaskData.from_arrays(random.normal(size=(18, 3)), y, np.arange(18) % 3)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian(), "2": Gaussian()})
    check_model(MultiTaskModel(Hierarchical(), likelihood, NETWORKS[name]), data)


@pytest.mark.parametrize("baseline", ["leave-one-out", None])
def test_the_gradient_is_that_of_the_expectation(baseline: Any) -> None:
    """Mean over many draws against the derivative of the enumerated expectation."""
    task = torch.tensor([0, 0, 1, 1, 1])
    weight = torch.tensor([1.0, 2.0, 0.5, 1.0, 1.5])
    choices = Choices(2, 2, 0.0, None, baseline)
    with torch.no_grad():
        choices.logits.copy_(torch.tensor([[0.5, -0.3], [0.2, 1.0]]))

    def gain(chosen: Tensor, n: Tensor) -> Tensor:
        return 3.0 - (chosen[..., 0] - 0.7 * chosen[..., 1] - 0.4 * n) ** 2

    exact = torch.zeros(())
    for n, t in enumerate(task):
        p = choices.probabilities()[t]
        for b in product([0.0, 1.0], repeat=2):
            chosen = torch.tensor(b)
            share = torch.where(chosen > 0, p, 1 - p).prod()
            exact = exact + weight[n] * share * gain(chosen, torch.tensor(float(n)))
    (expected,) = torch.autograd.grad(exact, choices.logits)
    draws, found = 1500, []
    with seeded(0):
        for _ in range(draws):
            chosen = choices.draw(task)
            terms = choices.score(chosen, task, gain(chosen.float(), torch.arange(5.0)))
            assert not terms.detach().any()
            found.append(torch.autograd.grad((weight * terms).sum(), choices.logits)[0])
    sample = torch.stack(found)
    error = sample.std(0) / draws**0.5
    assert bool(((sample.mean(0) - expected).abs() < 4.5 * error).all())  # Monte-Carlo errors of 4 numbers


def test_the_baseline_lowers_the_variance() -> None:
    task, spread = torch.zeros(40, dtype=torch.long), {}
    for baseline in ("leave-one-out", None):
        choices = Choices(1, 3, 0.0, None, baseline)
        with seeded(0):
            drawn = [choices.draw(task) for _ in range(200)]
        gradients = [
            torch.autograd.grad(choices.score(b, task, b.float().sum(-1) - 10.0).sum(), choices.logits)[0]
            for b in drawn
        ]
        spread[baseline] = torch.stack(gradients).var(0).sum()
    assert spread["leave-one-out"] < 0.1 * spread[None]


def price(choices: Choices, scale: Tensor) -> float:
    with pyro.poutine.trace() as tracer:
        choices.price(scale)
    return float(torch.as_tensor(tracer.trace.log_prob_sum()).detach())


def test_prices() -> None:
    """The divergence of Bernoullis by torch; the paper's penalty per mean loss; how they correspond."""
    scale = torch.tensor([2.0, 1.0, 1.0, 2.0])
    bound, paper, none = (
        Choices(2, 3, 0.0, 0.2, None),
        Choices(2, 3, 0.3, None, None),
        Choices(2, 3, 0, None, None),
    )
    logits = torch.linspace(-1.0, 1.0, 6).reshape(2, 3)
    with torch.no_grad():
        for choices in (bound, paper):
            choices.logits.copy_(logits)
    bernoulli = torch.distributions.Bernoulli
    divergence = torch.distributions.kl_divergence(bernoulli(logits=logits), bernoulli(torch.tensor(0.2)))
    assert np.isclose(price(bound, scale), -float(divergence.sum()), rtol=1e-5)  # float32
    p = logits.sigmoid()
    assert np.isclose(price(paper, scale), -0.3 / 2 * 6.0 * float(p.sum()), rtol=1e-5)
    assert price(none, scale) == 0.0
    # 3 observations a task: the penalty that is the divergence without entropy and constants
    same = -np.log(0.2 / 0.8) / 3
    entropy = bernoulli(logits=logits).entropy().sum()
    expected = -float(divergence.sum()) - float(entropy) - 6 * np.log(0.8)
    assert np.isclose(-same / 2 * 6.0 * float(p.sum()), expected, rtol=1e-5)


def test_a_task_uses_its_most_probable_experts() -> None:
    choices = Choices(3, 4, 0.0, None, None)
    with torch.no_grad():
        probability = torch.tensor([[0.9, 0.8, 0.4, 0.1], [0.1, 0.05, 0.02, 0.01], [0.6, 0.7, 0.9, 0.8]])
        choices.logits.copy_(probability.logit())
    # sums 2.2, 0.18 and 3.0
    expected = [[True, True, False, False], [True, False, False, False], [False, True, True, True]]
    assert choices.most_probable().tolist() == expected


def test_only_chosen_experts_see_rows_and_each_row_once() -> None:
    network, calls = clusters(), []
    for e, expert in enumerate(network.experts):
        expert.register_forward_hook(lambda _, given, __, e=e: calls.append((e, len(given[0]))))
    with torch.no_grad():
        network.choices.logits.copy_(torch.tensor([[9.0, -9, -9, -9], [-9, 9.0, -9, -9], [9.0, -9, -9, -9]]))
    x = torch.randn(4, 3)
    network(x, torch.tensor([0, 0, 1, 2]), torch.tensor([0, 2, 1, 0]))
    assert calls == [(0, 2), (1, 1)]


def test_training_is_the_sum_over_the_drawn_experts() -> None:
    network, batch = clusters(), batch_of(torch.tensor([0, 1, 2, 2, 0]))
    with seeded(3):
        found = network.objective(batch).features
    with seeded(3):
        chosen = network.choices.draw(batch.task)
    outputs = torch.stack([expert(batch.x) for expert in network.experts], 1)
    weights = chosen * network.weight[batch.task]
    assert torch.allclose(found, (weights.unsqueeze(-1) * outputs).sum(1), atol=1e-6)  # float32


def test_what_is_deployed_is_smaller_and_the_same() -> None:
    network = clusters().eval()
    with torch.no_grad():
        network.choices.logits.copy_(torch.tensor([[2.0, -9, 2.0, -9], [2.0, -9, -9, -9], [-9, -9, 2.0, -9]]))
    small = network.deployed()
    assert len(small.experts) == 2
    x, task = torch.randn(6, 3), torch.arange(6) % 3
    assert torch.allclose(small(x, None, task), network(x, None, task), atol=1e-6)
    check_network(small)
    with torch.no_grad():
        small.experts[0].layers[0].weight.zero_()
    assert bool(network.experts[0].layers[0].weight.any())


def test_similarity_is_the_correlation_of_probabilities() -> None:
    network = clusters()
    with torch.no_grad():
        network.choices.logits.normal_(generator=torch.Generator().manual_seed(0))
    expected = np.corrcoef(network.probabilities().double())
    assert np.allclose(network.similarity(), expected, atol=1e-9)


def test_policies_skip_layers() -> None:
    network = AdaShare(3, 3, 6, 2).eval()
    with torch.no_grad():
        network.choices.logits.copy_(torch.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]))
    x = torch.randn(3, 3)
    first, (a, b) = network.first(x), network.layers
    h = first + a(first)
    expected = torch.stack([h[0], first[1], (h + b(h))[2]])
    assert torch.allclose(network(x, None, torch.arange(3)), expected, atol=1e-6)


def test_a_fit_finds_planted_clusters_and_survives_a_file(tmp_path: Path) -> None:
    """Two pairs of tasks with other targets, and experts to spare: each pair ends with similar choices."""
    random = np.random.default_rng(0)
    x, task = random.normal(size=(400, 3)), np.arange(400) % 4
    y = np.where(task < 2, np.sin(2 * x[:, 0]), np.abs(x[:, 1])) + 0.1 * random.normal(size=400)
    network = MultiClustering(4, experts(partial(MLP, 3, (8, 8)), 4, seed=1), prior_inclusion=0.2, seed=2)
    data = TaskData.from_arrays(x, y, task)
    model = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network)
    posterior = SVI(steps=200, draws=20, particles=1, progress=False, compile=False).run(model, data)
    found = posterior.program.network
    similarity, pair = found.similarity().numpy(), np.arange(4) < 2
    alike = pair[:, None] == pair
    # with this seed 0.28 against -0.68, with three other ones 0.41 to 0.98 against -0.73 to -0.17
    assert similarity[alike].min() > similarity[~alike].max() + 0.3
    again = load(posterior.save(tmp_path / "fit"))
    assert np.array_equal(again.predict(data).mean, posterior.predict(data).mean)
    residual = float(np.mean((posterior.predict(data, kind="mean").mean - data.y) ** 2))
    assert residual < 0.8 * float(np.var(y))


def test_captured_steps_train_the_choices_too() -> None:
    random = np.random.default_rng(0)
    data = TaskData.from_arrays(random.normal(size=(30, 3)), random.normal(size=30), np.arange(30) % 3)
    prior = Hierarchical(covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(), clusters(prior_inclusion=0.2))
    results = []
    for captured in (False, True):
        with seeded(3), local_parameters():
            program = model.program(data)
            batches, guide = WholeData(program.batch(data)), AutoTaskBlocks(program)
            learned = Learned(program, guide, (program.batch(data),))
            optimiser = torch.optim.Adam(learned.groups(), lr=0.02, fused=True)
            parts = Parts(program, guide, batches, learned, optimiser, 2)
            step: EagerStep | CompiledStep = EagerStep(parts)
            if captured:
                step = CompiledStep(parts, batches.draw(), compiled=False)
            losses = [step(batches.draw()) for _ in range(4)]
            results.append((losses, program.network.choices.logits.detach()))
    # the same random numbers, float32 sums in another order
    assert np.allclose(results[0][0], results[1][0], rtol=1e-4)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-4) and bool(results[0][1].any())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="penalty, prior_inclusion: expected a price"):
        clusters(prior_inclusion=1.0)
    with pytest.raises(InputError, match="penalty: expected 0 beside prior_inclusion"):
        clusters(penalty=1.0, prior_inclusion=0.5)
    with pytest.raises(InputError, match=r"open: expected bool of shape \[2 tasks, 1 experts\]"):
        SelectedExperts(2, [MLP(3)], torch.ones(2, 2, dtype=torch.bool))
    assert isinstance(clusters().experts, nn.ModuleList)
