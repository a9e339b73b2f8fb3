"""One tree that stands for many."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SupportTree:
    """A tree over tasks with the support of each of its groups; nodes may have more than two children.

    Attributes
    ----------
    tasks
        Names of the leaves.
    members
        ``[nodes, tasks]`` of bool: the tasks below each inner node, smaller groups first, the root last.
    support
        ``[nodes]``: posterior probability of each group.
    time
        ``[nodes]``: mean time of each group's merger, counted back from the tasks; no node is younger than
        one below it.
    """

    tasks: tuple[str, ...]
    members: np.ndarray
    support: np.ndarray
    time: np.ndarray

    @classmethod
    def of(
        cls, tasks: tuple[str, ...], members: np.ndarray, support: np.ndarray, time: np.ndarray
    ) -> "SupportTree":
        """From groups that do not overlap but where one contains the other, in any order.

        ``members`` is ``[nodes, tasks]``, ``support`` and ``time`` are ``[nodes]``, as in the attributes.
        """
        order = np.argsort(members.sum(1), kind="stable")
        tree = cls(tasks, members[order], support[order], time[order].copy())
        for node, children in enumerate(tree.children()):
            below = [tree.time[child - len(tasks)] for child in children if child >= len(tasks)]
            tree.time[node] = max([tree.time[node], *below])
        return tree

    def children(self) -> list[list[int]]:
        """Children of each inner node: tasks are 0, 1, ..., inner node ``k`` is ``len(tasks) + k``."""
        top = list(range(len(self.tasks)))  # the highest node so far above each task
        found = []
        for node, members in enumerate(self.members):
            found.append(list(dict.fromkeys(top[t] for t in np.flatnonzero(members))))
            for t in np.flatnonzero(members):
                top[t] = len(self.tasks) + node
        return found

    def newick(self) -> str:
        """The tree as text, with branch lengths, and the support of each group as the name of its node."""
        leaves = len(self.tasks)
        time = np.concatenate([np.zeros(leaves), self.time])
        text = [_quoted(task) for task in self.tasks]
        for node, children in enumerate(self.children()):
            parts = [f"{text[child]}:{time[leaves + node] - time[child]:.6g}" for child in children]
            text.append(f"({','.join(parts)}){self.support[node]:.3g}")
        return text[-1] + ";"


def _quoted(name: str) -> str:
    """A name as Newick has it: in quotes, which are doubled inside, unless it is one plain word."""
    return name if name.isalnum() else "'" + name.replace("'", "''") + "'"
