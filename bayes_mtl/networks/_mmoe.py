"""Mixtures of experts with a gate for each task, and experts that not every task may use."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import check_sizes
from bayes_mtl.networks._assignment import open_experts
from bayes_mtl.networks._captured import captured
from bayes_mtl.networks._expert_sizes import expert_sizes
from bayes_mtl.networks._places import places
from bayes_mtl.networks._task_gates import TaskGates

_SHARED = 2
"""Rows times tasks for each observation up to which all tasks' mixtures are made of every row at once."""


class MMoE(nn.Module):
    """Multi-gate mixture of experts (MMoE), and with ``alpha`` above 0 the exclusive one (MMoEEx).

    Each task's features are a mixture ``sum_e g[t, e](x) f_e(x)`` of the experts' outputs, with gates
    ``softmax(W[t] x)``. With ``alpha``, that share of the experts is restricted: to one task
    (``"exclusivity"``) or to all tasks but one (``"exclusion"``).

    Parameters
    ----------
    tasks
        Number of tasks of the data.
    experts
        Networks from rows to features, all of one width: see `experts`. They are used as they are.
    alpha
        Share of the experts that are restricted; 0 is MMoE.
    mode
        How they are restricted.
    bias
        Whether gates have a bias of each task.
    summary
        A network whose output the gates see in place of the inputs (for sequences a causal one such as
        `GRU`). By default gates see the inputs; of sequences, their mean over the steps so far.
    in_features, out_features
        Widths of inputs and outputs, where the experts do not tell.
    seed
        Of the assignment and of the gates' initial weights.

    Attributes
    ----------
    open
        ``[tasks, experts]`` bool buffer: which experts each task may use. It is saved with the weights.

    Notes
    -----
    A closed gate weighs exactly 0. Experts see each row once; those that no task of the batch may use are not
    evaluated, unless the step is captured. References: Ma et al., Modeling task relationships in multi-task
    learning with multi-gate mixture-of-experts (KDD 2018); Aoki, Tung and Oliveira, Heterogeneous multi-task
    learning with expert diversity (2021).
    """

    open: Tensor

    def __init__(
        self,
        tasks: int,
        experts: Sequence[nn.Module],
        *,
        alpha: float = 0.0,
        mode: Literal["exclusivity", "exclusion"] = "exclusivity",
        bias: bool = False,
        summary: nn.Module | None = None,
        in_features: int | None = None,
        out_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(tasks=tasks)
        self.in_features, self.out_features = expert_sizes(experts, in_features, out_features)
        self.tasks = tasks
        self.settings = {
            "tasks": tasks,
            "experts": tuple(experts),
            "alpha": alpha,
            "mode": mode,
            "bias": bias,
            "summary": summary,
            "in_features": in_features,
            "out_features": out_features,
            "seed": seed,
        }
        self.experts, self.summary = nn.ModuleList(experts), summary
        self.register_buffer("open", open_experts(tasks, len(self.experts), alpha, mode, seed))
        self._restricted = not bool(self.open.all())
        seen = self.in_features if summary is None else expert_sizes([summary], None, None)[1]
        with seeded(seed):
            self.gate = TaskGates(tasks, len(self.experts), seen, bias=bias)

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation, ``[observations, out_features]``.

        Parameters
        ----------
        x
            ``[rows, in_features]`` or ``[rows, steps, in_features]``, each row once.
        row, step
            ``[observations]``: row (None: observation ``i`` is row ``i``) and step of each observation.
        task
            ``[observations]``: task of each observation.
        length
            Not used: nothing looks ahead.
        """
        outputs = self.expert_outputs(x, task)
        place = row
        if step is not None:
            place = places(row, step, x.shape[1])
            outputs = outputs.flatten(0, 1)
        seen = self._seen(x)
        if place is not None and len(seen) * self.tasks <= _SHARED * len(task):
            mixed = self.gate.of_all(seen, self.open) @ outputs
            return mixed.flatten(0, 1).index_select(0, place * self.tasks + task)
        gates = self.gate(seen, place, task, self.open)
        outputs = outputs if place is None else outputs.index_select(0, place)
        return (gates.unsqueeze(-2) @ outputs).squeeze(-2)

    def gates(self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor | None = None) -> Tensor:
        """Weight of each expert for each observation, ``[observations, experts]``; arguments as `forward`."""
        return self.gate(
            self._seen(x), row if step is None else places(row, step, x.shape[1]), task, self.open
        )

    def expert_outputs(self, x: Tensor, task: Tensor | None = None) -> Tensor:
        """Outputs of all experts, ``[rows, experts, out_features]``, or with steps behind the rows.

        Parameters
        ----------
        x
            ``[rows, in_features]``, or ``[rows, steps, in_features]``.
        task
            Tasks to be served: experts that are closed to all of them are left out, with outputs of 0. None
            for all experts.
        """
        used = [True] * len(self.experts)
        if task is not None and self._restricted and not captured():
            used = self.open.index_select(0, task).any(0).tolist()
        found = [expert(x) if use else None for expert, use in zip(self.experts, used, strict=True)]
        zero = torch.zeros_like(next(output for output in found if output is not None))
        return torch.stack([zero if output is None else output for output in found], -2)

    def _seen(self, x: Tensor) -> Tensor:
        """What gates look at, ``[rows, ...]`` or ``[rows * steps, ...]``."""
        if self.summary is not None:
            seen: Tensor = self.summary(x)
        elif x.dim() == 2:
            return x
        else:
            steps = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
            seen = x.cumsum(1) / steps.unsqueeze(-1)
        return seen if x.dim() == 2 else seen.flatten(0, 1)
