"""The networks of the PhysioNet benchmark."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from bayes_mtl.networks import GRU, MMoE, experts
from benchmarks._physionet_settings import Settings


class WithInputs(nn.Module):
    """A network's output with dropout around it, beside the inputs themselves (a linear path to the heads).

    Parameters
    ----------
    network
        Of sequences.
    in_features
        Number of inputs.
    dropout
        Share of the inputs, and of the outputs, that a step leaves out.
    """

    def __init__(self, network: nn.Module, in_features: int, dropout: float) -> None:
        super().__init__()
        self.network, self.dropout = network, nn.Dropout(dropout)
        self.out_features: int = in_features + int(network.out_features)

    def forward(
        self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor, length: Tensor | None = None
    ) -> Tensor:
        found = self.dropout(self.network(self.dropout(x), row, task, step, length))
        rows = torch.arange(len(x), device=x.device) if row is None else row
        return torch.cat([x[rows, step], found], -1)

    def gates(self, x: Tensor, row: Tensor | None, task: Tensor, step: Tensor | None = None) -> Tensor:
        """Of a mixture inside."""
        return self.network.gates(x, row, task, step)

    def expert_outputs(self, x: Tensor, task: Tensor | None = None) -> Tensor:
        """Of a mixture inside."""
        return self.network.expert_outputs(x, task)


def networks(
    in_features: int, tasks: int, seed: int, settings: Settings
) -> dict[str, Callable[[], WithInputs]]:
    """Shared bottom and mixtures whose units are as many, by name."""

    def made(network: nn.Module) -> WithInputs:
        return WithInputs(network, in_features, settings.dropout)

    def mixed(alpha: float) -> WithInputs:
        parts = experts(partial(GRU, in_features, settings.width), settings.experts, seed=100 * seed)
        return made(MMoE(tasks, parts, alpha=alpha, mode=settings.mode, seed=seed))

    return {
        "shared bottom": lambda: made(GRU(in_features, settings.experts * settings.width, seed=seed)),
        "MMoE": lambda: mixed(0.0),
        "MMoEEx": lambda: mixed(settings.alpha),
    }
