"""Experts of which each task uses those that were selected for it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl.networks._chosen_sum import chosen_sum
from bayes_mtl.networks._expert_sizes import expert_sizes


class SelectedExperts(nn.Module):
    """``z(t, x) = sum_i w[t, i] f_i(x)`` over the experts that task ``t`` uses: no gates, nothing random.

    Parameters
    ----------
    tasks
        Number of tasks of the data.
    experts
        Networks from rows to features, all of one width.
    open
        ``[tasks, experts]`` bool: who uses what; one expert at least for each task.
    in_features, out_features
        Widths of inputs and outputs, where the experts do not tell.

    Notes
    -----
    Made by `MultiClustering.deployed`; or from groups of tasks that are known, one expert each.
    """

    open: Tensor

    def __init__(
        self,
        tasks: int,
        experts: Sequence[nn.Module],
        open: Tensor,
        *,
        in_features: int | None = None,
        out_features: int | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = expert_sizes(experts, in_features, out_features)
        self.tasks = tasks
        if tuple(open.shape) != (tasks, len(experts)) or open.dtype != torch.bool:
            raise InputError(
                message(
                    "open",
                    f"bool of shape [{tasks} tasks, {len(experts)} experts]",
                    f"{open.dtype} of shape {list(open.shape)}",
                    "Say for each task which experts it uses.",
                )
            )
        self.settings = {
            "tasks": tasks,
            "experts": tuple(experts),
            "open": open,
            "in_features": in_features,
            "out_features": out_features,
        }
        self.experts = nn.ModuleList(experts)
        self.register_buffer("open", open.clone())
        self.weight = nn.Parameter(torch.ones(tasks, len(self.experts)))

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation; arguments as for `MMoE`."""
        chosen, weights = self.open.index_select(0, task), self.weight.index_select(0, task)
        return chosen_sum(self.experts, self.out_features, x, row, step, chosen, weights)
