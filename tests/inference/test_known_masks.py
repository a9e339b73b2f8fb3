"""Masks made of constants become positions; others stay."""

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl.inference._known_masks import positions_for_masks


def triangle(values: Tensor) -> Tensor:
    """Written to, and read by, a mask that depends on sizes alone; and by one that depends on values."""
    order = torch.arange(3)
    mask = order < order.view(-1, 1)
    matrix = values.new_zeros(3, 3)
    matrix[mask] = values
    return matrix[mask] + torch.where(values > 0, values, 2 * values)


def test_the_same_with_positions() -> None:
    graph = make_fx(triangle)(torch.ones(3))
    positions_for_masks(graph)
    kinds = [
        index.meta.get("val", getattr(graph, str(index.target), None)).dtype
        for node in graph.graph.nodes
        if "index" in str(node.target)
        for index in node.args[1]
    ]
    assert kinds == [torch.int64] * 4
    for values in (torch.tensor([1.0, -2.0, 3.0]), torch.tensor([-1.0, 2.0, 0.5])):
        torch.testing.assert_close(graph(values), triangle(values), atol=0, rtol=0)


def test_a_mask_that_changes_stays_a_mask() -> None:
    def changed(values: Tensor) -> Tensor:
        mask = torch.zeros(3, dtype=torch.bool)
        mask.logical_or_(values > 0)
        return values.new_zeros(3).index_put((mask,), torch.ones(()))

    graph = make_fx(changed)(torch.tensor([1.0, -1.0, 1.0]))
    positions_for_masks(graph)
    for values in (torch.tensor([1.0, -1.0, 1.0]), torch.tensor([-1.0, -1.0, 1.0])):
        torch.testing.assert_close(graph(values), changed(values), atol=0, rtol=0)


def test_long_graphs() -> None:
    """Thousands of operations, one after the other, are what the step of a deep network is."""

    def deep(values: Tensor) -> Tensor:
        for _ in range(2_000):
            values = values + 1.0
        return values[torch.arange(3) < 2] + values.new_ones(2)[values.long()[:2] * 0]

    graph = make_fx(deep)(torch.ones(3))
    positions_for_masks(graph)
    torch.testing.assert_close(graph(torch.zeros(3)), deep(torch.zeros(3)), atol=0, rtol=0)


def test_a_mask_that_changes_through_a_view_stays_a_mask() -> None:
    def changed(values: Tensor) -> Tensor:
        mask = torch.zeros(3, dtype=torch.bool)
        mask[:2].logical_or_(values[:2] > 0)
        return values.new_zeros(3).index_put((mask,), torch.ones(()))

    graph = make_fx(changed)(torch.tensor([1.0, -1.0, 1.0]))
    positions_for_masks(graph)
    for values in (torch.tensor([1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, 1.0])):
        torch.testing.assert_close(graph(values), changed(values), atol=0, rtol=0)
