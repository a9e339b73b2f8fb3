"""Weights of a truncated Dirichlet process, as a distribution on the simplex."""

import torch
from pyro.distributions import Beta, TorchDistribution, constraints
from torch import Tensor


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

    References
    ----------
    Sethuraman, A constructive definition of Dirichlet priors (1994).
    """

    arg_constraints = {"concentration": constraints.positive}  # noqa: RUF012
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self, concentration: Tensor | float, components: int, validate_args: bool | None = None
    ) -> None:
        self.concentration = torch.as_tensor(concentration, dtype=torch.get_default_dtype())
        super().__init__(self.concentration.shape, torch.Size([components]), validate_args=validate_args)

    def expand(self, batch_shape: torch.Size, _instance: object = None) -> "StickBreaking":
        return StickBreaking(self.concentration.expand(batch_shape), self.event_shape[0])

    def _sticks(self) -> Beta:
        concentration = self.concentration.unsqueeze(-1).expand(*self.batch_shape, self.event_shape[0] - 1)
        return Beta(torch.ones_like(concentration), concentration, validate_args=False)

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        stick = self._sticks().rsample(sample_shape)
        one = torch.ones_like(stick[..., :1])
        left = torch.cat([one, (1 - stick).cumprod(-1)], -1)
        return left * torch.cat([stick, one], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        # What is left before each stick, summed from the end: no cancellation for late components.
        left = value.flip(-1).cumsum(-1).flip(-1)[..., :-1].clamp_min(torch.finfo(value.dtype).tiny)
        stick = (value[..., :-1] / left).clamp(0.0, 1.0 - torch.finfo(value.dtype).eps)
        return (self._sticks().log_prob(stick) - left.log()).sum(-1)
