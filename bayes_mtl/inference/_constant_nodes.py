"""What in a captured graph follows from constants alone."""

from operator import getitem
from typing import Any

import torch
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg


def constant_nodes(graph: GraphModule) -> set[Node]:
    """Nodes that give the same at every call, found in the graph's order: chains may be thousands long."""
    changed = _changed(graph)
    found: set[Node] = set()
    for node in graph.graph.nodes:
        if node in changed:
            continue
        if node.op == "get_attr" or (_is_pure(node) and all(b in found for b in node.all_input_nodes)):
            found.add(node)
    return found


def value_of(graph: GraphModule, node: Node, known: dict[Node, Any]) -> Any:
    """What a constant node gives; ``known`` keeps it, and what it is made of."""
    if node not in known:
        if node.op == "get_attr":
            known[node] = getattr(graph, str(node.target))
        else:
            args, kwargs = map_arg((node.args, node.kwargs), lambda before: value_of(graph, before, known))
            known[node] = node.target(*args, **kwargs)  # type: ignore[operator]
    return known[node]


def _is_pure(node: Node) -> bool:
    target: Any = node.target
    if target is getitem:
        return True
    if node.op != "call_function" or not isinstance(target, torch._ops.OpOverload):
        return False
    return not target._schema.is_mutable and torch.Tag.nondeterministic_seeded not in target.tags


def _changed(graph: GraphModule) -> set[Node]:
    """Nodes that an operation writes to, by themselves or through a view: later they are another thing."""
    found: set[Node] = set()
    for node in reversed(graph.graph.nodes):
        target: Any = node.target
        if not isinstance(target, torch._ops.OpOverload):
            continue
        for argument, given in zip(target._schema.arguments, node.args, strict=False):
            if argument.alias_info is not None and (argument.alias_info.is_write or node in found):
                values = given if isinstance(given, (list, tuple)) else [given]
                found.update(value for value in values if isinstance(value, Node))
    return found
