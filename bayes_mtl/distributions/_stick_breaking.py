"""Weights of a truncated Dirichlet process, as a distribution on the simplex."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import Beta, TorchDistribution, constraints
from torch import Tensor

from bayes_mtl._errors import InputError, message

_ONE = torch.Size()


class StickBreaking(TorchDistribution):
    """``v_k ~ Beta(1, concentration)``, ``w_k = v_k * prod_{j<k} (1 - v_j)``, the last takes the rest.

    A distribution of the weights themselves, not of the sticks: relabelling the components of a draw
    stays a matter of permuting its entries.

    Parameters
    ----------
    concentration
        Positive, any batch shape; small values put most of the weight on few components.
    components
        Number of components, the truncation.
    validate_args
        Whether the concentration and values are checked. Default: torch's setting.

    References
    ----------
    Sethuraman, A constructive definition of Dirichlet priors (1994).
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self, concentration: Tensor | float, components: int, validate_args: bool | None = None
    ) -> None:
        if components < 2:
            raise InputError(message("components", "at least 2", components, "Raise the truncation."))
        if not isinstance(concentration, Tensor):
            concentration = torch.tensor(float(concentration))
        self.concentration = concentration
        super().__init__(self.concentration.shape, torch.Size([components]), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "StickBreaking":
        return StickBreaking(self.concentration.expand(batch_shape), self.event_shape[0], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Expected weights, ``[..., components]``."""
        stick = 1.0 / (1.0 + self.concentration.unsqueeze(-1))
        place = torch.arange(self.event_shape[0], device=stick.device)
        last = place == self.event_shape[0] - 1
        return torch.where(last, 1.0, stick) * (1.0 - stick) ** place

    def rsample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        concentration = self.concentration.unsqueeze(-1).expand(*self.batch_shape, self.event_shape[0] - 1)
        sticks = Beta(torch.ones_like(concentration), concentration, validate_args=False)
        stick = sticks.rsample(sample_shape)
        one = torch.ones_like(stick[..., :1])
        left = torch.cat([one, (1 - stick).cumprod(-1)], -1)
        return left * torch.cat([stick, one], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # With u_k left before stick k, Beta(v_k; 1, c) = c (u_{k+1} / u_k)^(c - 1) and the Jacobian is
        # 1 / u_k: the powers telescope. Summed from the end, nothing cancels.
        left = value.flip(-1).cumsum(-1).flip(-1).clamp_min(torch.finfo(value.dtype).tiny).log()
        concentration = self.concentration
        powers = (self.event_shape[0] - 1) * concentration.log() + (concentration - 1.0) * left[..., -1]
        density: Tensor = powers - left[..., 1:-1].sum(-1)
        return density
