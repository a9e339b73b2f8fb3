"""Captured graphs that ask nothing of the host."""

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl.inference._without_waits import move_constants_once, nan_for_errors


def test_only_the_failed_ones_are_nan() -> None:
    good = torch.tensor([[2.0, 0.3], [0.3, 1.0]])
    bad = torch.tensor([[1.0, 2.0], [2.0, 1.0]])

    def twice(matrix: torch.Tensor) -> torch.Tensor:
        return 2.0 * torch.linalg.cholesky(matrix)

    graph = make_fx(twice)(good.expand(2, 2, 2).clone())
    nan_for_errors(graph)
    found = graph(torch.stack([good, bad]))
    torch.testing.assert_close(found[0], 2.0 * torch.linalg.cholesky(good))
    assert found[1].isnan().all()


def test_a_factor_that_is_used_before_its_check() -> None:
    graph = make_fx(lambda matrix: torch.linalg.cholesky(matrix).exp())(torch.eye(2))
    check = next(node for node in graph.graph.nodes if "check_errors" in str(node.target))
    last = next(node for node in graph.graph.nodes if node.op == "output")
    last.prepend(check)
    nan_for_errors(graph)
    graph.graph.lint()
    assert torch.equal(graph(torch.eye(2)), torch.eye(2).exp())
    assert graph(-torch.eye(2)).isnan().all()


def test_constants_are_moved_once() -> None:
    constant = torch.arange(3.0)

    def shifted(value: torch.Tensor) -> torch.Tensor:
        moved = (2.0 * constant).to(torch.float64)
        return value.to(torch.float64) + moved + torch.rand(3, dtype=torch.float64)

    graph = make_fx(shifted)(torch.zeros(3))
    before = [node.target for node in graph.graph.nodes].count(torch.ops.aten._to_copy.default)
    move_constants_once(graph)
    after = [node.target for node in graph.graph.nodes].count(torch.ops.aten._to_copy.default)
    assert (before, after) == (2, 1)  # the input's stays
    given = torch.ones(3)
    torch.manual_seed(1)
    found = graph(given)
    torch.manual_seed(1)
    assert torch.equal(found, shifted(given))


def test_moves_in_long_graphs() -> None:
    """Thousands of operations before a move that depends on the input: looked at without recursion."""

    def deep(values: torch.Tensor) -> torch.Tensor:
        for _ in range(2_000):
            values = values + 1.0
        return values.to(torch.float64)

    graph = make_fx(deep)(torch.ones(3))
    move_constants_once(graph)
    torch.testing.assert_close(graph(torch.zeros(3)), deep(torch.zeros(3)), atol=0, rtol=0)
