"""Mixtures of encoders whose weights come from features of the tasks."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import check_sizes
from bayes_mtl.networks._expert_sizes import expert_sizes
from bayes_mtl.networks._places import at_observations


class CARE(nn.Module):
    """Contextual attention over encoders: ``z(t, x) = sum_k softmax(g(context of t))_k f_k(x)``.

    The gate sees features of the tasks alone, so a task that was not fitted has features too: pass
    ``predict(..., new_task=True, task_features=...)``.

    Parameters
    ----------
    task_features
        Number of features of the tasks.
    experts
        Encoders from rows to features, all of one width: see `experts`.
    hidden
        Widths of the gate's hidden layers; none for a linear gate.
    in_features, out_features
        Widths of inputs and outputs, where the encoders do not tell.
    seed
        Of the gate's initial weights.

    Notes
    -----
    Reference: Sodhani, Zhang and Pineau, Multi-task reinforcement learning with context-based representations
    (ICML 2021). Its context is put beside the mixture there; here it would be constant within a task, where
    the task's intercept stands already.
    """

    def __init__(
        self,
        task_features: int,
        experts: Sequence[nn.Module],
        *,
        hidden: Sequence[int] = (),
        in_features: int | None = None,
        out_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(task_features=task_features, hidden=min(hidden, default=1))
        self.in_features, self.out_features = expert_sizes(experts, in_features, out_features)
        self.task_features = task_features
        self.settings = {
            "task_features": task_features,
            "experts": tuple(experts),
            "hidden": tuple(hidden),
            "in_features": in_features,
            "out_features": out_features,
            "seed": seed,
        }
        self.experts = nn.ModuleList(experts)
        with seeded(seed):
            layers: list[nn.Module] = []
            for before, after in pairwise([task_features, *hidden]):
                layers += [nn.Linear(before, after), nn.Tanh()]
            layers.append(nn.Linear([task_features, *hidden][-1], len(self.experts)))
            self.gate = nn.Sequential(*layers)

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
        *,
        task_features: Tensor | None,
    ) -> Tensor:
        """Features of each observation, ``[observations, out_features]``.

        Parameters
        ----------
        x, row, task, step, length
            As for `MMoE`.
        task_features
            ``[tasks, task_features]``, standardised.
        """
        if task_features is None:
            raise InputError(
                message("task_features", "features of the tasks", "none", "Pass them with the tasks.")
            )
        gates = self.gates(task_features).index_select(0, task)
        outputs = torch.stack([expert(x) for expert in self.experts], -2).flatten(-2)
        outputs = at_observations(outputs, row, step).unflatten(-1, (len(self.experts), -1))
        return (gates.unsqueeze(-2) @ outputs).squeeze(-2)

    def gates(self, task_features: Tensor) -> Tensor:
        """Weight of each encoder for each task, ``[tasks, experts]``."""
        weights: Tensor = self.gate(task_features).softmax(-1)
        return weights
