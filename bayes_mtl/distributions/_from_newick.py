"""A tree over tasks from text in Newick's format."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message

_TOKEN = re.compile(r"\s*(\[[^\]]*\]|'(?:[^']|'')*'|[(),:;]|[^\s(),:;'\[\]]+)")
_ROUNDING = 1e-3
"""Relative difference of the leaves' distances from the root that is taken for rounding."""


@dataclass(eq=False)
class _Node:
    name: str = ""
    length: float | None = None
    children: list["_Node"] = field(default_factory=list)
    time: float = 0.0


def from_newick(text: str, names: Sequence[str]) -> Tensor:
    """Read a tree in Newick's format, such as ``"((a:1,b:1):2,c:3);"``.

    Without branch lengths, ``"((a,b),c);"``, a node is one unit of time above the highest node below it.
    Nodes with several children become mergers at one time.

    Parameters
    ----------
    text
        The tree. Names with spaces or punctuation stand in single quotes; names of inner nodes and comments
        in square brackets mean nothing here.
    names
        Names of the tasks, which become leaves 0, 1, ...; leaves with other names are left out.

    Returns
    -------
    Tensor
        ``[tasks - 1, 3]`` float64, of `KingmanTree`'s form.

    Raises
    ------
    InputError
        For text that is no tree, tasks that are no leaves or two, lengths for some branches only, and leaves
        at unequal distances from the root.

    Examples
    --------
    >>> from_newick("((a:1,b:1):2,c:3);", ["a", "b", "c"])
    tensor([[0., 1., 1.],
            [2., 3., 3.]], dtype=torch.float64)
    """
    root = _parsed(text)
    nodes = _below(root)
    leaves = [node.name for node in nodes if not node.children]
    wrong = [name for name in names if leaves.count(name) != 1 or list(names).count(name) != 1]
    if wrong or len(names) < 2:
        kind = "not a leaf, or more than one" if wrong else "too few tasks for a tree"
        raise InputError(
            message(
                "tree",
                "one leaf with the name of each task",
                f"{kind}: {wrong[:5] or list(names)} (leaves: {leaves[:5]})",
                f"{_meant(wrong, leaves)}Rename its leaves.",
            )
        )
    _set_times(root, nodes)
    inner = [node for node in _below(_pruned(root, set(names))) if node.children]
    inner.sort(key=lambda node: node.time)  # stable: children stay before their parents
    number = {name: i for i, name in enumerate(names)}
    place: dict[int, int] = {}
    rows: list[list[float]] = []
    for node in inner:
        first, *others = [place[id(c)] if c.children else number[c.name] for c in node.children]
        for other in others:
            rows.append([min(first, other), max(first, other), node.time])
            first = len(names) - 1 + len(rows)
        place[id(node)] = first
    if rows[0][2] <= 0.0:
        raise InputError(message("tree", "branches of a length above 0", "0", "Merge later than at 0."))
    return torch.tensor(rows, dtype=torch.float64)


def _parsed(text: str) -> _Node:
    root = _Node()
    above: list[_Node] = []
    node, previous = root, ""
    for token in _tokens(text):
        if previous == ";":
            raise InputError(_unreadable(f";{token}"))
        if previous == ":":
            try:
                node.length = float(token)
            except ValueError:
                raise InputError(_unreadable(f":{token}")) from None
        elif token == "(" and previous in ("", "(", ","):
            above.append(node)
            node = _Node()
            above[-1].children.append(node)
        elif token == "," and above:
            node = _Node()
            above[-1].children.append(node)
        elif token == ")" and above:
            node = above.pop()
        elif token not in ("(", ")", ",", ":", ";") and previous in ("", "(", ",", ")"):
            node.name = token[1:-1].replace("''", "'") if token.startswith("'") else token
        elif not (token == ":" or (token == ";" and not above)):
            raise InputError(_unreadable(f"{previous}{token}"))
        previous = token
    if above or not root.children:
        raise InputError(_unreadable(text[:20]))
    return root


def _tokens(text: str) -> list[str]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise InputError(_unreadable(text[at : at + 20]))
        at = found.end()
        if not found[1].startswith("["):
            tokens.append(found[1])
    return tokens


def _unreadable(part: str) -> str:
    return message(
        "tree", "one tree in Newick's format, such as '((a:1,b:1):2,c:3);'", repr(part), "Mend it."
    )


def _below(root: _Node) -> list[_Node]:
    """All nodes, each after those below it."""
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.children)
    return order[::-1]


def _set_times(root: _Node, nodes: list[_Node]) -> None:
    """Time of every node, counted back from the leaves."""
    lengths = [node.length for node in nodes if node is not root]
    if all(length is None for length in lengths):
        for node in nodes:
            node.time = 1.0 + max(child.time for child in node.children) if node.children else 0.0
        return
    for node in nodes:
        if node is not root and (node.length is None or not 0.0 <= node.length < float("inf")):
            found = f"{'none' if node.length is None else f'{node.length:g}'} above {_called(node)}"
            expected = "a length of at least 0 for every branch, or for none"
            raise InputError(message("tree", expected, found, "Complete it."))
    for node in nodes[::-1]:  # for now the distance from the root
        for child in node.children:
            child.time = node.time + (child.length or 0.0)
    away = [node.time for node in nodes if not node.children]
    if max(away) - min(away) > _ROUNDING * max(away):
        raise InputError(
            message(
                "tree",
                "leaves at the same distance from the root (the tasks are all of today)",
                f"distances from {min(away):.4g} to {max(away):.4g}",
                "Leave the lengths out, or make the tree ultrametric.",
            )
        )
    for node in nodes:
        node.time = max(away) - node.time if node.children else 0.0


def _called(node: _Node) -> str:
    leaves = [below.name for below in _below(node) if not below.children]
    if not node.children:
        return f"the leaf {node.name!r}"
    return f"the node of {', '.join(map(repr, leaves[:5]))}{', ...' * (len(leaves) > 5)}"


def _meant(wrong: Sequence[str], leaves: Sequence[str]) -> str:
    """The leaf that is nearest to the first task without one."""
    near = get_close_matches(wrong[0], leaves, n=1) if wrong and wrong[0] not in leaves else []
    return f"Did you mean {near[0]!r} by {wrong[0]!r}? " if near else ""


def _pruned(root: _Node, names: set[str]) -> _Node:
    """The part of the tree above these leaves; nodes that are left with one child are taken out."""
    kept: dict[int, _Node | None] = {}
    for node in _below(root):
        if not node.children:
            kept[id(node)] = node if node.name in names else None
            continue
        below = node.children = [found for child in node.children if (found := kept[id(child)]) is not None]
        kept[id(node)] = node if len(below) > 1 else (below[0] if below else None)
    return kept[id(root)] or root
