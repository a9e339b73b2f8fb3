"""Groups of tasks in a posterior over trees: counted by hand, and put into one tree."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bayes_mtl import Posterior
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.distributions import clades as groups_of
from bayes_mtl.distributions import from_newick, lca_times
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.posterior import clades, consensus_tree, credible_tree
from bayes_mtl.priors import Hierarchical, LatentHierarchy
from tests.posterior.examples import example

NAMES = [f"school {t}" for t in range(4)]
Q = [f"'{name}'" for name in NAMES]


def with_trees(*texts: str) -> Posterior:
    """One draw for each text, in which 0, 1, ... stand for the schools."""
    posterior, _ = example(LatentHierarchy(), tasks=4, draws=len(texts))
    trees = torch.stack([from_newick(text, list("0123")) for text in texts]).unsqueeze(1).float()
    return replace(posterior, draws={**posterior.draws, "tree": trees})


FIVE = with_trees(
    "((0:1,1:1):2,(2:2,3:2):1);",
    "((0:2,1:2):2,(2:3,3:3):1);",
    "(((0:3,1:3):1,2:4):1,3:5);",
    "(((0:1,1:1):1,2:2):1,3:3);",
    "((0:1,2:1):2,(1:2,3:2):1);",
)


def test_support_is_the_share_of_the_draws() -> None:
    table = clades(FIVE, level=0.5)
    found = {row.members: (row.size, row.support) for row in table.itertuples()}
    zero, one, two, three = NAMES
    assert found == {
        (zero, one, two, three): (4, 1.0),
        (zero, one): (2, 0.8),
        (two, three): (2, 0.4),
        (zero, one, two): (3, 0.4),
        (zero, two): (2, 0.2),
        (one, three): (2, 0.2),
    }
    assert list(table["support"]) == sorted(table["support"], reverse=True)
    pair = table.set_index("members").loc[[(zero, one)]].iloc[0]
    assert pair["time"] == (1 + 2 + 3 + 1) / 4
    assert (pair["lower"], pair["upper"]) == tuple(np.quantile([1, 2, 3, 1], [0.25, 0.75]))


def test_the_consensus_has_what_the_majority_has() -> None:
    tree = consensus_tree(FIVE)
    assert [list(np.flatnonzero(members)) for members in tree.members] == [[0, 1], [0, 1, 2, 3]]
    assert tree.support.tolist() == [0.8, 1.0]
    assert tree.children() == [[0, 1], [4, 2, 3]]
    assert tree.newick() == f"(({Q[0]}:1.75,{Q[1]}:1.75)0.8:1.85,{Q[2]}:3.6,{Q[3]}:3.6)1;"
    assert len(consensus_tree(FIVE, least=0.85).members) == 1


def test_the_credible_tree_is_the_draw_with_the_surest_groups() -> None:
    """Support 0.8 * 0.4 for four of the draws: the first of them."""
    tree = credible_tree(FIVE)
    assert [list(np.flatnonzero(members)) for members in tree.members] == [[0, 1], [2, 3], [0, 1, 2, 3]]
    assert tree.time.tolist() == [1.75, 2.5, 3.6]
    again = LatentHierarchy(tree.newick()).bind(example(tasks=4)[1]).tree
    assert isinstance(again, torch.Tensor) and groups_of(again).tolist() == tree.members.tolist()


def test_no_node_of_a_consensus_is_younger_than_one_below_it() -> None:
    """Times are means over different draws."""
    posterior = with_trees(
        "((0:8,1:8):1,(2:1,3:1):8);", "((0:8,1:8):1,(2:1,3:1):8);", "(((0:1,1:1):1,2:2):1,3:3);",
        "(((0:1,1:1):1,2:2):1,3:3);", "(((0:1,1:1):1,2:2):1,3:3);",
    )  # fmt: skip
    tree = consensus_tree(posterior)
    assert [list(np.flatnonzero(members)) for members in tree.members][:2] == [[0, 1], [0, 1, 2]]
    assert tree.time[0] == pytest.approx(3.8) and tree.time[1] >= tree.time[0]


def test_the_times_of_all_pairs_are_in_arviz() -> None:
    posterior, _ = example(LatentHierarchy(), tasks=4)
    exported = posterior.to_arviz().posterior
    assert exported["lca_time"].dims[2:] == ("task", "task_bis")
    assert list(exported["task_bis"].values) == NAMES
    trees = posterior.draws["tree"].squeeze(1)
    np.testing.assert_allclose(exported["lca_time"].values[0], lca_times(trees).numpy(), rtol=1e-6)
    np.testing.assert_allclose(exported["depth"].values[0], trees[:, -1, 2].numpy(), rtol=1e-6)
    related = posterior.relatedness(level=0.5)
    share = 1 - lca_times(trees.double()) / trees[:, -1:, 2:].double()
    # float32
    np.testing.assert_allclose(related.mean, share.mean(0).numpy(), atol=1e-6)
    np.testing.assert_allclose(related.lower, np.quantile(share.numpy(), 0.25, axis=0), atol=1e-6)


def test_a_given_tree_is_sure() -> None:
    text = f"(({Q[0]},{Q[3]}),({Q[1]},{Q[2]}));"
    posterior, _ = example(LatentHierarchy(text), tasks=4)
    table = clades(posterior)
    assert set(table["support"]) == {1.0}
    assert (NAMES[0], NAMES[3]) in set(table["members"])
    assert len(consensus_tree(posterior).members) == 3


def test_each_kind_of_tasks_has_a_tree() -> None:
    data = example(tasks=5)[1]
    data = replace(data, y=np.where(data.task >= 2, (data.y > 100).astype(float), data.y))
    likelihood = Mixed({f"school {t}": Bernoulli() for t in (2, 3, 4)}, default=Gaussian())
    from bayes_mtl import MultiTaskModel
    from tests.posterior.examples import make_posterior

    posterior = make_posterior(MultiTaskModel(LatentHierarchy(), likelihood), data)
    sizes = {name: clades(posterior, kind=name)["size"].max() for name, _ in posterior.program.kinds}
    assert sorted(sizes.values()) == [2, 3]
    with pytest.raises(InputError, match="kind"):
        clades(posterior, kind="none of them")


def test_other_priors_have_no_tree() -> None:
    with pytest.raises(UnsupportedError, match="Hierarchical has no tree"):
        clades(example(Hierarchical())[0])


@pytest.mark.parametrize("least", [0.4, 1.0])
def test_bad_settings(least: float) -> None:
    with pytest.raises(InputError, match="least: expected from"):
        consensus_tree(FIVE, least=least)
