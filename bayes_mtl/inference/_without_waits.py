"""Changes to a captured graph, so that a device runs it without a word from the host."""

from operator import getitem
from typing import Any

import torch
from torch.fx import GraphModule, Node

from bayes_mtl.inference._constant_nodes import constant_nodes, value_of

_CHECK = torch.ops.aten._linalg_check_errors.default
_MOVE = torch.ops.aten._to_copy.default


def nan_for_errors(graph: GraphModule) -> None:
    """Give a factor of a matrix that is not positive definite as NaN, in place of an error.

    The error would be raised by the host, which has to wait for the device in every step; a loss that is not
    finite is seen anyway, and ends the training with the name of the site.
    """
    aten: Any = torch.ops.aten
    for check in [node for node in graph.graph.nodes if node.target is _CHECK]:
        info = check.args[0]
        factor = _first_result(info)
        if factor is not None:
            with graph.graph.inserting_after(_later(factor, info)):
                kept = graph.graph.call_function(aten.where.ScalarOther, (info, factor, float("nan")))
            with graph.graph.inserting_before(kept):
                good = graph.graph.call_function(aten.eq.Scalar, (info, 0))
                for _ in range(2):
                    good = graph.graph.call_function(aten.unsqueeze.default, (good, -1))
            factor.replace_all_uses_with(kept)
            kept.args = (good, factor, float("nan"))
        graph.graph.erase_node(check)
    graph.recompile()


def _later(one: Node, other: Node) -> Node:
    """Which of two neighbours the graph runs last."""
    return one if other < one else other


def _first_result(info: Node) -> Node | None:
    """The factor that comes with ``info``; one that was written out is NaN by itself."""
    whole = info.args[0]
    if info.target is not getitem or not isinstance(whole, Node):
        return None
    return next((user for user in whole.users if user is not info and user.args[1] == 0), None)


def move_constants_once(graph: GraphModule) -> None:
    """Move what is made of constants alone now, in place of from the host in every step.

    Hyperpriors were made on the CPU, and their parameters are constants of the graph.
    """
    constant = constant_nodes(graph)
    moves = [node for node in graph.graph.nodes if node.target is _MOVE and node in constant]
    known: dict[Node, Any] = {}
    values = [value_of(graph, node, known) for node in moves]
    for i, node in enumerate(moves):
        graph.register_buffer(f"_moved_{i}", values[i], persistent=False)
        with graph.graph.inserting_before(node):
            node.replace_all_uses_with(graph.graph.get_attr(f"_moved_{i}"))
        _erase(graph, node)
    graph.recompile()


def _erase(graph: GraphModule, node: Node) -> None:
    """Erase a node that nobody uses, and what it alone used."""
    before = node.all_input_nodes
    graph.graph.erase_node(node)
    for one in before:
        if not one.users:
            _erase(graph, one)
