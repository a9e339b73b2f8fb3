"""Weights that diffused down a tree, given or not, against what the tree's kernel says of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pyro import poutine
from scipy.cluster.hierarchy import linkage
from scipy.stats import ks_2samp

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import BayesMTLError, InputError, UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import KingmanTree, lca_times, tree_kernel
from bayes_mtl.inference import NUTS, SVI, Collapsed, adapt
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    Hierarchical,
    LatentCovarianceHierarchy,
    LatentHierarchy,
    at_draws,
)
from bayes_mtl.priors._attachment import Attachment, extended_trees
from bayes_mtl.testing import check_prior
from bayes_mtl.testing._prior_moments import implied
from bayes_mtl.testing._site_draws import draw_sites

NAMES = ["a", "b", "c", "d"]
TREE = "((b:1,d:1):2,(a:2,c:2):1);"
DEPTH = 1.5  # 2 (1 - 1 / 4): to what the root's time of 3 is scaled


def make_data(tasks: int = 4, rows: int = 12, seed: int = 0) -> TaskData:
    random = np.random.default_rng(seed)
    task = np.arange(tasks * rows) % tasks
    x = random.normal(size=(len(task), 1))
    y = task - 0.5 * task * x[:, 0] + 0.3 * random.normal(size=len(task))
    return TaskData.from_arrays(x, y, task, task_names=NAMES[:tasks])


def covariance(prior: AbstractGaussianTaskPrior, hyper: dict[str, torch.Tensor], dims: Dims) -> torch.Tensor:
    with torch.no_grad(), poutine.block():
        return implied(poutine.condition(prior.moments, data=hyper)(dims), dims)[1]


def test_an_unknown_tree_keeps_the_contract() -> None:
    check_prior(LatentHierarchy())


def test_the_covariance_is_that_of_the_tree() -> None:
    dims = Dims(tasks=4, features=2)
    prior = LatentHierarchy(TREE).bind(make_data())
    hyper = draw_sites(prior.moments, dims, draws=1).one(0)
    shared = torch.tensor([[3, 0, 1, 0], [0, 3, 0, 2], [1, 0, 3, 0], [0, 2, 0, 3]]) * DEPTH / 3
    chol = hyper["correlation"].double()
    spread = hyper["scale"].double() * hyper["scale"].double().mT * (chol @ chol.mT)
    # float32
    assert torch.allclose(covariance(prior, hyper, dims), torch.kron(shared.double(), spread), atol=1e-5)


def test_low_rank_changes_have_the_correlation_of_factors_and_noise() -> None:
    dims = Dims(tasks=4, features=3)
    prior = LatentHierarchy(TREE, covariance="low_rank", rank=1).bind(make_data())
    hyper = draw_sites(prior.moments, dims, draws=1).one(0)
    loading = hyper["loading"].double()
    own = loading @ loading.mT + torch.eye(3)
    spread = own.diagonal().sqrt()
    own = own / spread.outer(spread) * (hyper["scale"].double() @ hyper["scale"].double().mT)
    assert torch.allclose(covariance(prior, hyper, dims)[:3, :3], DEPTH * own, atol=1e-5)  # float32


def test_a_star_is_one_population() -> None:
    """All lineages part at the root: `Hierarchical` with the scale of the whole way."""
    dims = Dims(tasks=4, features=2)
    star = LatentHierarchy("(a,b,c,d);").bind(make_data())
    hyper = draw_sites(star.moments, dims, draws=1).one(0)
    same = {**hyper, "scale": hyper["scale"] * DEPTH**0.5}
    assert torch.allclose(covariance(star, hyper, dims), covariance(Hierarchical(), same, dims), atol=1e-5)
    posterior = fit(MultiTaskModel(LatentHierarchy("(a,b,c,d);"), Gaussian()), make_data())
    assert posterior.record.method.startswith("Collapsed")


def test_tasks_that_part_late_are_pooled() -> None:
    dims = Dims(tasks=4, features=2)
    prior = LatentHierarchy("((a:1e-6,b:1e-6,c:1e-6):1,d:1.000001);").bind(make_data())
    hyper = draw_sites(prior.weights, dims, draws=1, seed=3).one(0)
    with poutine.block():
        weights = poutine.condition(prior.weights, data=hyper)(dims)
    # sd sqrt(2e-6 * 1.5) of a difference, times noise of up to 5
    assert float((weights[:2] - weights[1:3]).abs().max()) < 1e-2
    assert float((weights[0] - weights[3]).abs().max()) > 0.1


def test_trees_come_in_three_forms() -> None:
    data = make_data()
    clustering = linkage(np.array([[0.0], [10.0], [1.0], [12.0]]), "average")
    rows = torch.tensor([[2.0, 0.0, 1.0], [1.0, 3.0, 2.0], [4.0, 5.0, 10.5]])
    text = "((a:1,c:1):9.5,(b:2,d:2):8.5);"
    trees = [LatentHierarchy(tree).bind(data).tree for tree in (clustering, rows, rows.numpy(), text)]
    expected = torch.tensor([[0.0, 2, 1], [1, 3, 2], [4, 5, 10.5]]) * torch.tensor([1, 1, DEPTH / 10.5])
    for tree in trees:
        assert isinstance(tree, torch.Tensor) and torch.allclose(tree.float(), expected)  # float32


@pytest.mark.parametrize("kind", [LatentHierarchy, LatentCovarianceHierarchy])
@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ("((a,b),c);", r"one leaf with the name of each task, found .*\['d'\]"),
        ("((a,b),(c,d)", "Newick"),
        (linkage(np.arange(3.0)[:, None]), "4 leaves, one for each task in the order .* found 3"),
        (np.ones((3, 2)), r"an array of shape \(3, 2\)"),
        (torch.tensor([[0.0, 1.0, 2.0], [2.0, 3.0, 1.0], [4.0, 5.0, 3.0]]), "at times that rise"),
        (torch.tensor([[0.0, 1.0, 1.0], [2.0, 0.0, 2.0], [4.0, 5.0, 3.0]]), "to be joined once"),
        (7, "found int"),
    ],
)
def test_bad_trees(kind: type[LatentHierarchy], tree: object, reason: str, unchecked: None) -> None:
    with pytest.raises(BayesMTLError, match=reason):
        kind(tree).bind(make_data())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"covariance": "half"}, "covariance: expected one of"),
        ({"rank": 0}, "rank of LatentHierarchy: expected .* at least 1"),
    ],
)
def test_bad_settings(bad: dict[str, object], reason: str, unchecked: None) -> None:
    with pytest.raises(InputError, match=reason):
        LatentHierarchy(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("inference", [SVI(steps=10), NUTS(), Collapsed()], ids=["SVI", "NUTS", "Collapsed"])
def test_an_unknown_tree_needs_an_inference_over_trees(inference: SVI | NUTS | Collapsed) -> None:
    with pytest.raises(UnsupportedError, match="Trees"):
        inference.run(MultiTaskModel(LatentHierarchy(), Gaussian()), make_data())


def test_leaves_attached_to_kingman_trees_make_kingman_trees() -> None:
    """The coalescent of 5 without its last leaf is that of 4, so attaching one goes back."""
    torch.manual_seed(0)
    direct = KingmanTree(5).sample(torch.Size([4_000]))
    grown = extended_trees(KingmanTree(4).sample(torch.Size([4_000])), torch.rand(4_000, 1, 2))
    assert bool(KingmanTree(5).support.check(grown).all())
    first, second = lca_times(direct.double()), lca_times(grown.double())
    for i, j in ((0, 4), (3, 4), (1, 2)):
        # two samples of one distribution: six comparisons, each wrong once in ten thousand
        assert ks_2samp(first[:, i, j], second[:, i, j]).pvalue > 1e-4
    for k in (0, 2, 3):
        assert ks_2samp(direct[:, k, 2], grown[:, k, 2]).pvalue > 1e-4


def test_a_new_task_is_conditioned_on_the_fitted_ones() -> None:
    """Against the kernel of the tree with the new leaf, where that joins below the root."""
    torch.manual_seed(1)
    number, dims = 200, Dims(tasks=1, features=2, name="new_tasks")
    trees = KingmanTree(4).sample(torch.Size([number]))
    draws = {
        "mean": torch.randn(number, 1, 2, 1),
        "scale": torch.rand(number, 1, 2, 1) + 0.5,
        "tree": trees.unsqueeze(1),
        "attachment": torch.rand(number, 1, 2),
        "fitted_weights": torch.randn(number, 1, 4, 2, 1),
    }
    found = at_draws(lambda: LatentHierarchy(covariance="diagonal").new_moments(dims), draws)
    kernel = tree_kernel(extended_trees(trees.double(), draws["attachment"]), 0.0)
    below = Attachment(trees, draws["attachment"]).time[:, 0] < trees[:, -1, 2]
    share = torch.linalg.solve(kernel[:, :4, :4], kernel[:, :4, 4:]).mT
    away = (draws["fitted_weights"] - draws["mean"].unsqueeze(1)).squeeze(1).flatten(-2).double()
    mean = draws["mean"].double().flatten(1) + (share @ away).squeeze(1)
    left = kernel[:, 4, 4] - (share @ kernel[:, :4, 4:]).flatten()
    assert found.scale is not None and 150 < int(below.sum()) < number
    close = {"atol": 1e-4}  # float32 means and scales
    assert torch.allclose(found.mean.double().flatten(1)[below], mean[below], **close)
    sd = draws["scale"].double().flatten(1) * left.sqrt().unsqueeze(-1)
    assert torch.allclose(found.scale.double().flatten(1)[below], sd[below], **close)
    # Above the root: nothing but the root's weights is known of it, and its way leads up and down.
    above = found.mean[~below].flatten(1) - draws["mean"][~below].flatten(1)
    assert torch.allclose(above, torch.zeros_like(above), **close)
    depth, time = trees[:, -1, 2].double(), Attachment(trees, draws["attachment"]).time[:, 0]
    sd = draws["scale"].double().flatten(1) * (2 * time - depth).clamp_min(0).sqrt().unsqueeze(-1)
    assert torch.allclose(found.scale.double().flatten(1)[~below], sd[~below], **close)


def test_a_few_rows_tell_where_a_new_task_belongs() -> None:
    random = np.random.default_rng(2)
    level = np.repeat([-3.0, -3.1, 3.0, 3.1], 10)
    y = level + 0.2 * random.normal(size=40)
    x = random.normal(size=(40, 1))
    data = TaskData.from_arrays(x, y, np.repeat(NAMES, 10))
    model = MultiTaskModel(LatentHierarchy("((a:1,b:1):9,(c:1,d:1):9);"), Gaussian())
    posterior = fit(model, data)
    new = TaskData.from_arrays(random.normal(size=(4, 1)), 3.0 + 0.2 * random.normal(size=4), ["new"] * 4)
    grown = adapt(posterior, new)
    assert grown.tasks == (*NAMES, "new")
    assert tuple(grown.draws["tree"].shape[1:]) == (1, 4, 3)
    assert bool(KingmanTree(5).support.check(grown.draws["tree"]).all())
    related = grown.relatedness().mean.loc["new"]
    assert min(related["c"], related["d"]) > 0.7 > 0.3 > max(related["a"], related["b"])
    assert abs(grown.predict(np.zeros((1, 1)), task="new").mean[0] - 3.0) < 0.4  # noise 0.2 / 2, four of them
    assert adapt(grown, replace(new, schema=new.schema.with_tasks(("another",)))).tasks[-1] == "another"


def test_log_scales_have_the_covariance_of_the_tree() -> None:
    prior = LatentCovarianceHierarchy(TREE).bind(make_data())
    dims, number = Dims(tasks=4, features=1), 20_000
    hyper = {
        "root_log_scale": torch.full((number, 1, 1, 1), 0.3),
        "drift": torch.full((number, 1, 1, 1), 0.5),
    }
    hyper["mean"] = torch.zeros(number, 1, 1, 1)
    torch.manual_seed(0)
    scale = at_draws(lambda: prior.moments(dims), hyper).scale
    assert scale is not None
    log = scale.log().flatten(1).double() - 0.3
    shared = torch.tensor([[3, 0, 1, 0], [0, 3, 0, 2], [1, 0, 3, 0], [0, 2, 0, 3]]) * 0.25 * DEPTH / 3
    # 4.5 standard errors of 20,000 draws, variance at most 2 * 0.375^2
    assert float((log.mT @ log / number - shared).abs().max()) < 4.5 * 0.375 * 2**0.5 / number**0.5


def test_scales_by_task_follow_the_data() -> None:
    """Two tasks with weights near 0 and two with large ones, sure from many rows."""
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(4), 100)
    x = random.normal(size=(400, 6))
    weights = random.normal(size=(4, 6)) * np.array([0.05, 1.5, 0.05, 1.5])[:, None]
    y = (x * weights[task]).sum(1) + 0.1 * random.normal(size=400)
    data = TaskData.from_arrays(x, y, np.array(NAMES)[task], intercept=False)
    prior = LatentCovarianceHierarchy(TREE, mean=None, covariance="diagonal")
    posterior = Collapsed().run(MultiTaskModel(prior, Gaussian()), data)
    log = posterior.draws["log_scale"].double().mean((0, 2, 3))
    assert float(torch.minimum(log[1], log[3]) - torch.maximum(log[0], log[2])) > 1.0
