"""A trained network that stays as it is."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl._errors import InputTypeError, message
from bayes_mtl.networks._abstract_random_network import AbstractRandomNetwork


class Frozen(nn.Module):
    """A copy of a network whose parameters, running statistics and dropout are fixed.

    Its output are features like any others: a model with a Gaussian likelihood can then be fitted by
    `Collapsed`, and `SVI` learns the tasks' weights alone.

    Parameters
    ----------
    network
        Any deterministic network, say ``posterior.program.network`` of an earlier fit. It is meant for data
        that are standardised as those of that fit were.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if isinstance(network, AbstractRandomNetwork) or not isinstance(
            getattr(network, "out_features", None), int
        ):
            raise InputTypeError(
                message(
                    "network",
                    "a deterministic network with an integer 'out_features'",
                    type(network).__name__,
                    "Freeze a network without latent sites.",
                )
            )
        self.settings = {"network": network}  # what rebuilds it from a file
        self.out_features: int = network.out_features  # type: ignore[assignment]
        self.task_features = getattr(network, "task_features", 0)
        for stated in ("in_features", "tasks"):  # what is compared with the data, and refuses new tasks
            if hasattr(network, stated):
                setattr(self, stated, getattr(network, stated))
        self.network = deepcopy(network).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stays in evaluation mode."""
        super().train(False)
        return self

    def forward(self, *arguments: Any, **more: Any) -> Tensor:
        """What the network returns."""
        with torch.no_grad():
            features: Tensor = self.network(*arguments, **more)
        return features
