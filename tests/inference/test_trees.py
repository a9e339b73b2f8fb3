"""Chains over trees against importance sampling and Geweke's joint test; seeds, interrupts, refusals."""

import math

import numpy as np
import pytest
import torch
from pyro.distributions import HalfNormal, Normal
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.distributions import KingmanTree, TreeMessages, lca_times, tree_kernel
from bayes_mtl.inference import SVI, Collapsed, Trees
from bayes_mtl.inference._fit import choose
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._potential import Potential
from bayes_mtl.inference._tree_chains import TreeChains
from bayes_mtl.inference._tree_program import TreeProgram
from bayes_mtl.likelihoods import Gaussian, Poisson
from bayes_mtl.priors import Hierarchical, LatentHierarchy

NOISE = 0.5
DOUBLE = torch.float64


def three_tasks() -> TaskData:
    """Two tasks alike and one apart, three rows each, an intercept alone."""
    y = np.array([1.0, 1.4, 0.9, 1.3, 0.7, 1.2, -0.6, -0.1, -0.9])
    task = np.repeat(np.arange(3), 3)
    return TaskData.from_arrays(np.empty((9, 0)), y, task, noise=np.full(9, NOISE))


def importance(data: TaskData, number: int) -> tuple[dict[str, Tensor], Tensor]:
    """Draws of the prior and their weights, the intercepts integrated out by one dense Gaussian."""
    torch.manual_seed(0)
    tree = KingmanTree(3).sample(torch.Size([number])).double()
    mean, scale = torch.randn(number, dtype=DOUBLE), torch.randn(number, dtype=DOUBLE).abs()
    own = torch.as_tensor(data.y.reshape(3, 3).mean(1))
    covariance = scale.square()[:, None, None] * tree_kernel(tree, 0.0) + NOISE**2 / 3 * torch.eye(3).double()
    factor = torch.linalg.cholesky(covariance)
    away = torch.linalg.solve_triangular(factor, (own - mean.unsqueeze(-1)).unsqueeze(-1), upper=False)
    log = -0.5 * away.square().sum((-2, -1)) - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    kernel = covariance - NOISE**2 / 3 * torch.eye(3).double()
    weights = (
        mean.unsqueeze(-1) + (kernel @ torch.cholesky_solve((own - mean[:, None])[..., None], factor))[..., 0]
    )
    return statistics(tree, mean, scale, weights), log.softmax(0)


def statistics(tree: Tensor, mean: Tensor, scale: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """What is compared: topology, times, hyperparameters, weights."""
    lca = lca_times(tree)
    return {
        "0 and 1 first": (tree[:, 0, 1] == 1.0).double(),
        "1 and 2 first": (tree[:, 0, 0] == 1.0).double(),
        "first": tree[:, 0, 2],
        "height": tree[:, 1, 2],
        "log height": tree[:, 1, 2].log(),
        "lca 0 1": lca[:, 0, 1],
        "mean": mean,
        "scale": scale,
        "height scale^2": tree[:, 1, 2] * scale.square(),
        **{f"weight {t}": weights[:, t] for t in range(3)},
    }


def test_posterior_of_three_tasks_is_that_of_importance_sampling() -> None:
    data = three_tasks()
    model = MultiTaskModel(LatentHierarchy(), Gaussian(noise="known"), standardize=False)
    chains = 50
    posterior = Trees(draws=30, warmup=30, chains=chains, progress=False).run(model, data, seed=1)
    draws = {name: value.double() for name, value in posterior.draws.items()}
    found = statistics(
        draws["tree"][:, 0], draws["mean"].flatten(), draws["scale"].flatten(), draws["weights"][..., 0, 0]
    )
    prior, share = importance(data, 400_000)
    effective = 1.0 / float(share.square().sum())
    assert effective > 20_000
    for name, values in found.items():
        expected = float((share * prior[name]).sum())
        sd = float((share * (prior[name] - expected).square()).sum().sqrt())
        # Chains are independent: the spread of their means is the Monte-Carlo error.
        error = float(values.reshape(chains, -1).mean(1).std()) / math.sqrt(chains)
        # 4 of it, with that of importance sampling beside it; 12 comparisons
        allowed = 4 * math.hypot(error, sd / math.sqrt(effective))
        assert abs(float(values.mean()) - expected) < allowed, (name, float(values.mean()), expected, error)


def test_chains_leave_the_joint_distribution_of_parameters_and_data_as_it_is() -> None:
    """Geweke's joint test: parameters from the prior, data from them, then the chain's own moves."""
    chains, tasks, size, rows = 600, 4, 2, 3
    random = np.random.default_rng(0)
    x = random.normal(size=(tasks * rows, size - 1))
    data = TaskData.from_arrays(x, random.normal(size=tasks * rows), np.repeat(np.arange(tasks), rows))
    prior = LatentHierarchy(mean=Normal(0.5, 1.0), scale=HalfNormal(1.0))
    model = MultiTaskModel(prior, Gaussian(HalfNormal(1.0)), standardize=False)
    design = torch.cat([torch.ones(tasks, rows, 1).double(), torch.as_tensor(x).reshape(tasks, rows, 1)], -1)
    with seeded(2), local_parameters():
        program = model.program(data)
        trees = KingmanTree(tasks).sample(torch.Size([chains])).double()
        collapsed = TreeProgram(program, data, trees[0])
        potential = Potential(collapsed)
        state = TreeChains(collapsed, potential, trees, 2, 0.8)
        values = from_prior(state, size)
        y = targets(state, values, design)
        statistics = collapsed.statistics
        xy = (design.mT @ y.unsqueeze(-1)).squeeze(-1)
        collapsed.statistics = type(statistics)(
            statistics.xx, xy, y.square().sum(-1), statistics.n, statistics.log_precision
        )
        before = summaries(state, y)
        state.hamiltonian.step = 0.25
        accepted = 0.0
        for _ in range(3):
            state.iterate()
            accepted += state.hamiltonian.accepted / 3
        after = summaries(state, y)
    assert 0.4 < accepted < 0.98  # rejections take part
    assert state.regrafted > 0.1
    for name in before:
        change = after[name] - before[name]
        # Each chain is a pair of dependent draws, chains are independent: 4 standard errors, 14 comparisons.
        assert abs(float(change.mean())) < 4 * float(change.std()) / math.sqrt(chains), name
        assert float(change.std()) > 0.01, name  # and they do move


def from_prior(state: TreeChains, size: int) -> dict[str, Tensor]:
    """Put every chain at a draw of the prior; the values of its sites."""
    chains = len(state.tree)
    eye = torch.distributions.LKJCholesky(size, 1.0).sample(torch.Size([chains, 1])).double()
    values = {
        "mean": 0.5 + torch.randn(chains, 1, size, 1, dtype=DOUBLE),
        "scale": torch.randn(chains, 1, size, 1, dtype=DOUBLE).abs(),
        "correlation": eye,
        "noise_scale": torch.randn(chains, 1, dtype=DOUBLE).abs(),
    }
    parts = [site.transform.inv(values[site.name]).reshape(chains, -1) for site in state.potential.sites]
    state.flat = torch.cat(parts, -1)
    return values


def targets(state: TreeChains, values: dict[str, Tensor], design: Tensor) -> Tensor:
    """Targets of each chain's own parameters, ``[chains, tasks, rows]``."""
    factor = torch.linalg.cholesky(tree_kernel(torch.from_numpy(state.tree), 0.0))
    root = values["scale"].squeeze(1) * values["correlation"].squeeze(1)
    noise = torch.randn(len(factor), design.shape[0], design.shape[2], dtype=DOUBLE)
    weights = values["mean"].squeeze(1).mT + factor @ noise @ root.mT
    f = (design @ weights.unsqueeze(-1)).squeeze(-1)
    return f + values["noise_scale"].unsqueeze(-1) * torch.randn_like(f)


def summaries(state: TreeChains, y: Tensor) -> dict[str, Tensor]:
    """Functions of parameters and data."""
    values, _ = state.potential.unpack(state.flat)
    tree = torch.from_numpy(state.tree)
    lca = lca_times(tree)
    level = y.mean(-1)
    alike = -(level[:, 0] - level[:, 1]).abs()
    return {
        "height": tree[:, -1, 2].log(),
        "first": tree[:, 0, 2].log(),
        "lca": lca[:, 0, 1].log(),
        "lca and data": lca[:, 0, 1].log() * alike,
        "together": (tree[:, 0, :2] == torch.tensor([0.0, 1.0])).all(-1).double() * (1 + alike),
        "mean": values["mean"][:, 0, 0, 0],
        "mean and data": values["mean"][:, 0, 0, 0] * level.mean(-1),
        "slope": values["mean"][:, 0, 1, 0].square(),
        "scale": values["scale"].log().sum((1, 2, 3)),
        "scale and data": values["scale"][:, 0, 0, 0].log() * level.std(-1).log(),
        "correlation": values["correlation"][:, 0, 1, 0],
        "noise": values["noise_scale"][:, 0].log(),
        "noise and data": values["noise_scale"][:, 0].log() * y.std(-1).mean(-1).log(),
        "height and data": tree[:, -1, 2].log() * level.std(-1).log(),
    }


def small() -> TaskData:
    random = np.random.default_rng(3)
    task = np.repeat(np.arange(4), 6)
    x = random.normal(size=(24, 1))
    y = np.array([0.0, 0.1, 2.0, 2.1])[task] * x[:, 0] + 0.5 * random.normal(size=24)
    return TaskData.from_arrays(x, y, task)


SHORT = Trees(draws=6, warmup=8, chains=2, progress=False)


def test_fit_chooses_it_and_the_same_seed_gives_the_same_draws() -> None:
    model, data = MultiTaskModel(LatentHierarchy(), Gaussian()), small()
    posterior, again, other = (SHORT.run(model, data, seed=seed) for seed in (3, 3, 4))
    assert posterior.record.method == "Trees"
    assert posterior.record.chains == 2
    assert posterior.draws["tree"].shape == (12, 1, 3, 3)
    assert posterior.draws["weights"].shape == (12, 4, 2, 1)
    assert bool(KingmanTree(4).support.check(posterior.draws["tree"]).all())
    for name, value in posterior.draws.items():
        assert torch.equal(value, again.draws[name]), name
    assert not torch.equal(posterior.draws["weights"], other.draws["weights"])


def test_fit_takes_it_for_an_unknown_tree() -> None:
    assert choose(MultiTaskModel(LatentHierarchy(), Gaussian()), small()) == Trees()
    given = LatentHierarchy(tree="((0:1,1:1):1,(2:1,3:1):1);")
    assert choose(MultiTaskModel(given, Gaussian()), small()) == Collapsed()


def test_an_interrupt_keeps_the_draws_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    iterate, count = TreeChains.iterate, []

    def interrupted(self: TreeChains) -> None:
        if len(count) == SHORT.warmup + 3:
            raise KeyboardInterrupt
        count.append(1)
        iterate(self)

    monkeypatch.setattr(TreeChains, "iterate", interrupted)
    posterior = SHORT.run(MultiTaskModel(LatentHierarchy(), Gaussian()), small())
    assert posterior.record.stopped == "interrupted"
    assert posterior.number == 2 * 3


def test_weights_are_drawn_given_their_own_tree() -> None:
    """The mean over draws of the weights is that of their conditional means."""
    model, data = MultiTaskModel(LatentHierarchy(), Gaussian(), standardize=False), small()
    posterior = Trees(draws=30, warmup=15, chains=10, progress=False).run(model, data)
    draws = {name: value.double() for name, value in posterior.draws.items()}
    x = torch.as_tensor(data.x).reshape(4, 6, 1)
    design = torch.cat([torch.ones_like(x), x], -1)
    inverse = draws["noise_scale"].square().reciprocal()
    y = torch.as_tensor(data.y).reshape(4, 6, 1)
    means = TreeMessages(
        draws["tree"][:, 0],
        torch.zeros(300, dtype=DOUBLE),
        draws["mean"][:, 0, :, 0],
        draws["scale"][:, 0] * draws["correlation"][:, 0],
        inverse[..., None, None] * (design.mT @ design),
        inverse[..., None] * (design.mT @ y).squeeze(-1),
    ).leaf_means()
    away = (draws["weights"][..., 0] - means).mean(0)
    sd = draws["weights"][..., 0].std(0)
    # given everything else the draws are independent: 4 standard errors at most, 8 comparisons
    assert (away.abs() < 4 * sd / math.sqrt(300)).all()


def test_an_unknown_tree_that_cannot_be_sampled_is_to_be_given() -> None:
    data = small()
    counts = TaskData.from_arrays(data.x, np.arange(24), data.task)
    with pytest.raises(UnsupportedError, match=r"Poisson.* Give a tree: LatentHierarchy\(tree=\.\.\.\)\.$"):
        fit(MultiTaskModel(LatentHierarchy(), Poisson()), counts)
    with pytest.raises(UnsupportedError, match=r"or given: LatentHierarchy\(tree=\.\.\.\)\.$"):
        SVI(steps=1).run(MultiTaskModel(LatentHierarchy(), Poisson()), counts)


def test_what_it_does_not_take_is_refused() -> None:
    data = small()
    tree = "((0:1,1:1):1,(2:1,3:1):1);"
    for prior, likelihood, why in (
        (Hierarchical(), Gaussian(), "has no tree"),
        (LatentHierarchy(tree=tree), Gaussian(), "its tree is given"),
        (LatentHierarchy(), Poisson(), "likelihood is Poisson"),
    ):
        own = data if likelihood == Gaussian() else TaskData.from_arrays(data.x, np.arange(24), data.task)
        with pytest.raises(UnsupportedError, match=why):
            Trees().run(MultiTaskModel(prior, likelihood), own)
    for settings in ({"draws": 0}, {"moves": 0}, {"target_accept": 1.0}):
        with pytest.raises(InputError, match=next(iter(settings))):
            Trees(**settings)
