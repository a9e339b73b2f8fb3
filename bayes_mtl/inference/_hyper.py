"""What the ways to handle the parameters of a program hand on."""

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LatentDraws:
    """Draws of the latent sites of a program.

    Attributes
    ----------
    values
        ``[draws, tasks or 1, *event]`` for each site. One draw stands for a point estimate.
    losses, stopped, log_weights, chains, divergences, gradient
        As in the record of a fit.
    """

    values: dict[str, Tensor]
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    stopped: str = "finished"
    log_weights: np.ndarray | None = None
    chains: int = 1
    divergences: int = 0
    gradient: dict[str, float] = field(default_factory=dict)
