"""A network for each task, with learned mixing between them after every layer."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.networks._abstract_encoder import check_sizes
from bayes_mtl.networks._places import places


class CrossStitch(nn.Module):
    """Cross-stitch network: ``h[t] <- sum_s a[t, s] h[s]`` after every layer of the tasks' own networks.

    Parameters
    ----------
    in_features
        Number of features of the data (the intercept not counted).
    tasks
        Number of tasks of the data.
    hidden
        Widths of the layers of each task's network; the last is `out_features`.
    own
        Initial share of a task's own units; the other tasks share the rest equally.
    activation
        Called after every layer.
    seed
        Of the initial weights.

    Notes
    -----
    Every row passes through the networks of all tasks, so the cost grows with their number. Reference: Misra
    et al., Cross-stitch networks for multi-task learning (CVPR 2016).
    """

    def __init__(
        self,
        in_features: int,
        tasks: int,
        hidden: Sequence[int] = (32,),
        *,
        own: float = 0.9,
        activation: type[nn.Module] = nn.Tanh,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, tasks=tasks, layers=len(hidden), hidden=min(hidden, default=1))
        if not 0.0 <= own <= 1.0:
            raise InputError(message("own", "a share between 0 and 1", own, "Try 0.9."))
        self.settings = {
            "in_features": in_features,
            "tasks": tasks,
            "hidden": tuple(hidden),
            "own": own,
            "activation": activation,
            "seed": seed,
        }
        self.in_features, self.out_features, self.tasks = in_features, hidden[-1], tasks
        self.activation = activation()
        start = torch.full((tasks, tasks), (1.0 - own) / max(1, tasks - 1))
        start.fill_diagonal_(own if tasks > 1 else 1.0)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        self.stitches = nn.ParameterList(nn.Parameter(start.clone()) for _ in hidden)
        with seeded(seed):
            for before, after in pairwise([in_features, *hidden]):
                layers = [nn.Linear(before, after) for _ in range(tasks)]
                self.weights.append(nn.Parameter(torch.stack([layer.weight.detach() for layer in layers])))
                self.biases.append(nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])))

    def forward(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        step: Tensor | None = None,
        length: Tensor | None = None,
    ) -> Tensor:
        """Features of each observation, ``[observations, out_features]``; arguments as for `MMoE`."""
        place = row if step is None else places(row, step, x.shape[1])
        # [tasks, rows, width]: one product of matrices for each task
        h = x.flatten(0, -2).unsqueeze(0)
        *before, last = self.stitches
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = self.activation(h @ weight.mT + bias.unsqueeze(-2))
            if i < len(before):
                h = torch.einsum("ts,srh->trh", before[i], h)
        h = h.transpose(0, 1)
        h = h if place is None else h.index_select(0, place)
        return (last.index_select(0, task).unsqueeze(-2) @ h).squeeze(-2)
