"""Trees from text and from hierarchical clustering."""

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from bayes_mtl._errors import InputError
from bayes_mtl.distributions import KingmanTree, from_linkage, from_newick, lca_times, to_newick


def rows(tree: torch.Tensor) -> list[list[float]]:
    return [[round(value, 9) for value in row] for row in tree.tolist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("((a:1,b:1):2,c:3);", [[0, 1, 1], [2, 3, 3]]),
        ("(c:3,(b:1,a:1)x:2)root;", [[0, 1, 1], [2, 3, 3]]),  # any order; names of inner nodes
        (" ( (a:1e0, 'b':1.0) :2,\n[a comment; even, with: signs] c:3);", [[0, 1, 1], [2, 3, 3]]),
        ("((a,b),c);", [[0, 1, 1], [2, 3, 2]]),  # levels
        ("(((a,b),x),c);", [[0, 1, 1], [2, 3, 3]]),  # a leaf that is no task
        ("((a,(b)),c);", [[0, 1, 2], [2, 3, 3]]),  # a node with one child
        ("(a:1,b:1,c:1);", [[0, 1, 1], [2, 3, 1]]),  # three at once
    ],
)
def test_text(text: str, expected: list[list[float]]) -> None:
    tree = from_newick(text, ["a", "b", "c"])
    assert rows(tree) == expected and tree.dtype == torch.float64


def test_names_in_quotes() -> None:
    tree = from_newick("('it''s (one)':1,'two, or :2':1);", ["two, or :2", "it's (one)"])
    assert rows(tree) == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("((a,b),d);", r"not a leaf, or more than one: \['c'\]"),
        ("((a,b),(c,c));", r"not a leaf, or more than one: \['c'\]"),
        ("((a,b),c", "Mend it"),
        ("(a,b)),c;", "Mend it"),
        ("", "Mend it"),
        ("((a:x,b:1):1,c:2);", "Mend it"),
        ("((a:1,b:1),c:2);", r"for every branch, or for none, found none above the node of 'a', 'b'\."),
        ("((a:1,b:1):-1,c:2);", "found -1 above the node of 'a', 'b'"),
        ("((a:1,b):1,c:2);", "found none above the leaf 'b'"),
        ("((a:1,b:1):2,c:2);", "distances from 2 to 3"),
        ("((a:0,b:0):2,c:2);", "branches of a length above 0"),
    ],
)
def test_bad_text(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        from_newick(text, ["a", "b", "c"])


def test_a_misspelt_leaf_is_suggested() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'nroth' by 'north'\? Rename its leaves\.$"):
        from_newick("(nroth,south);", ["north", "south"])


def test_a_deep_tree_needs_no_recursion() -> None:
    text = "a0"
    for i in range(1, 3_000):
        text = f"({text},a{i})"
    tree = from_newick(text + ";", [f"a{i}" for i in range(3_000)])
    assert tree[:, 2].tolist() == list(range(1, 3_000))


def test_a_linkage_matrix_keeps_its_heights() -> None:
    points = np.random.default_rng(0).normal(size=(12, 3))
    clustering = linkage(points, "average")
    tree = from_linkage(clustering)
    assert bool(KingmanTree(12).support.check(tree))
    # float64 rounding
    np.testing.assert_allclose(lca_times(tree).numpy(), squareform(cophenet(clustering)), rtol=1e-12)


@pytest.mark.parametrize("bad", [np.ones((3, 3)), np.zeros((1, 4)), linkage(np.zeros((3, 1)))])
def test_bad_linkage(bad: np.ndarray) -> None:
    with pytest.raises(InputError, match="linkage"):
        from_linkage(bad)


def test_a_written_tree_is_read_as_it_was() -> None:
    names = ["a", "b (old)", "it's c", "d"]
    tree = KingmanTree(4).sample()
    again = from_newick(to_newick(tree, names), names)
    # the text holds lengths of branches, so times are sums of differences in float32
    torch.testing.assert_close(lca_times(again).double(), lca_times(tree).double(), rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="one tree"):
        to_newick(tree, names[:3])
