"""Masks of a captured graph that are the same at every call, as positions."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

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
    constant = _constant(graph)
    known: dict[Node, Any] = {}
    for node in list(graph.graph.nodes):
        if node.target not in _INDEXED:
            continue
        indices: list[Any] = []
        for index in node.args[1]:
            mask = _value(graph, index, known) if index in constant else None
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


def _constant(graph: GraphModule) -> set[Node]:
    """Nodes that follow from constants alone, found in the graph's order: chains may be thousands long."""
    found: set[Node] = set()
    for node in graph.graph.nodes:
        target: Any = node.target
        if node.op == "get_attr":
            found.add(node)
        elif node.op == "call_function" and isinstance(target, torch._ops.OpOverload):
            fixed = not target._schema.is_mutable and torch.Tag.nondeterministic_seeded not in target.tags
            # What is changed in place is another thing later.
            fixed = fixed and not any(_changes(user, node) for user in node.users)
            if fixed and all(before in found for before in node.all_input_nodes):
                found.add(node)
    return found


def _value(graph: GraphModule, node: Node, known: dict[Node, Any]) -> Any:
    """What a node that follows from constants gives."""
    if node not in known:
        if node.op == "get_attr":
            known[node] = getattr(graph, str(node.target))
        else:
            args, kwargs = map_arg((node.args, node.kwargs), lambda before: _value(graph, before, known))
            known[node] = node.target(*args, **kwargs)  # type: ignore[operator]
    return known[node]


def _changes(user: Node, node: Node) -> bool:
    """Whether ``user`` changes ``node`` in place: its first argument, as in all of torch's own operations."""
    target: Any = user.target
    mutable = isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable
    return mutable and user.args[:1] == (node,)
