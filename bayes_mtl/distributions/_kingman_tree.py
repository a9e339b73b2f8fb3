"""Kingman's coalescent: a random binary tree over tasks."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

from bayes_mtl._errors import InputError, message

_NONE = torch.Size()


class KingmanTree(TorchDistribution):
    r"""Tree of ``tasks`` leaves under Kingman's coalescent.

    Going back in time with ``k`` lineages left, the next merger comes after ``Exp(k (k - 1) / 2)`` and joins
    a pair of them chosen uniformly, so the density of the ranked tree with its durations is
    ``prod_k exp(-binom(k, 2) duration_k)``.

    A tree is a tensor ``[tasks - 1, 3]``. Row ``k`` is the ``k``-th merger going back in time from the
    leaves: the two nodes it joins, the smaller number first, and its time. Leaves are the nodes
    ``0 .. tasks - 1``, at time 0; merger ``k`` makes node ``tasks + k``; the last one is the root. That is
    the form of scipy's linkage matrices without their last column.

    Parameters
    ----------
    tasks
        Number of leaves, at least 2.
    batch_shape
        Of independent trees.
    validate_args
        Whether values are checked. Default: torch's setting.

    Notes
    -----
    A density with respect to counting measure on the ranked trees and Lebesgue measure on the times. The
    support calls itself discrete: no smooth map of real numbers reaches all trees. Equal times, which
    rounding makes, are accepted.

    References
    ----------
    Kingman, On the genealogy of large populations (1982); Teh, Daumé and Roy (NIPS 2007), equation 3.

    Examples
    --------
    >>> import torch
    >>> tree = torch.tensor([[0.0, 2.0, 0.5], [1.0, 3.0, 1.0]])
    >>> KingmanTree(3).log_prob(tree)  # -(3 * 0.5 + 1 * 0.5)
    tensor(-2.)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(
        self, tasks: int, batch_shape: Sequence[int] = _NONE, validate_args: bool | None = None
    ) -> None:
        if tasks < 2:
            raise InputError(message("tasks", "at least 2", tasks, "One task has no tree."))
        self.tasks = tasks
        super().__init__(torch.Size(batch_shape), torch.Size([tasks - 1, 3]), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=2)
    def support(self) -> Any:
        """Trees of this many leaves."""
        return _Trees(self.tasks)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "KingmanTree":
        return KingmanTree(self.tasks, batch_shape, validate_args=False)

    def sample(self, sample_shape: Sequence[int] = _NONE) -> Tensor:
        shape = torch.Size(sample_shape) + self.batch_shape
        number, tasks = shape.numel(), self.tasks
        alive = torch.arange(tasks).expand(number, tasks).clone()
        every = torch.arange(number)
        rows, time = [], torch.zeros(number)
        for k in range(tasks, 1, -1):
            first = torch.randint(k, (number,))
            second = torch.randint(k - 1, (number,))
            second = second + (second >= first)  # uniform over the others
            pair = torch.stack([alive[every, first], alive[every, second]], -1).sort(-1).values
            time = time + torch.empty(number).exponential_(k * (k - 1) / 2)
            rows.append(torch.cat([pair.to(time.dtype), time.unsqueeze(-1)], -1))
            alive[every, first] = 2 * tasks - k
            alive[every, second] = alive[:, k - 1].clone()
        return torch.stack(rows, -2).reshape(*shape, tasks - 1, 3)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        time = value[..., 2]
        duration = torch.cat([time[..., :1], time.diff(dim=-1)], -1)
        lineages = torch.arange(self.tasks, 1, -1, dtype=value.dtype, device=value.device)
        log: Tensor = -(0.5 * lineages * (lineages - 1) * duration).sum(-1)
        return log.expand(torch.broadcast_shapes(log.shape, self.batch_shape))


class _Trees(constraints.Constraint):
    """Every node but the root is joined once, after it was made, and times do not fall."""

    is_discrete = True
    event_dim = 2

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        nodes, time = value[..., :2], value[..., 2]
        made = torch.arange(self.tasks, 2 * self.tasks - 1, dtype=value.dtype, device=value.device)
        every = torch.arange(2 * self.tasks - 2, dtype=value.dtype, device=value.device)
        once = (nodes.flatten(-2).sort(-1).values == every).all(-1)
        ordered = ((nodes[..., 0] < nodes[..., 1]) & (nodes[..., 1] < made)).all(-1)
        rising = (time[..., 0] > 0) & (time.diff(dim=-1) >= 0).all(-1) & torch.isfinite(time).all(-1)
        return once & ordered & rising
