"""Masks of a captured graph that are the same at every call, as positions."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from bayes_mtl.inference._constant_nodes import constant_nodes, value_of

_INDEXED = (
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_put.default,
    torch.ops.aten.index_put_.default,
)


def positions_for_masks(graph: GraphModule) -> None:
    """Replace masks that follow from constants (a triangle of a matrix, say) by the positions they choose.

    How many elements a mask chooses is not known before it is there: the compiler then guards, or gives up
    on, what comes after it. Positions have a shape.
    """
    constant = constant_nodes(graph)
    known: dict[Node, Any] = {}
    for node in list(graph.graph.nodes):
        if node.target not in _INDEXED:
            continue
        indices: list[Any] = []
        for index in node.args[1]:
            mask = value_of(graph, index, known) if index in constant else None
            if isinstance(mask, Tensor) and mask.dtype == torch.bool:
                indices.extend(_kept(graph, node, at) for at in mask.nonzero(as_tuple=True))
            else:
                indices.append(index)
        node.args = (node.args[0], indices, *node.args[2:])
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _kept(graph: GraphModule, node: Node, value: Tensor) -> Node:
    """A constant of the graph, to be read by ``node``."""
    name = f"_positions_{sum(key.startswith('_positions_') for key in graph._buffers)}"
    graph.register_buffer(name, value, persistent=False)
    with graph.graph.inserting_before(node):
        return graph.graph.get_attr(name)
