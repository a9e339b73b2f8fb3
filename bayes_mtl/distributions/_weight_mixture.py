"""Mixture of Gaussians over one task's weights, with the assignment summed out."""

import math

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor


class WeightMixture(TorchDistribution):
    """``p(W) = sum_k exp(logits_k) N(vec W; mean_k, R_k R_k')``.

    Unlike torch's ``MixtureSameFamily`` its support is declared as a real matrix, so that Pyro's
    autoguides and unconstrained samplers accept it as a latent site.

    Parameters
    ----------
    mean
        ``[..., components, features, outputs]``.
    root
        Lower triangular factors of the features' covariance for each output (independent of each other),
        ``[..., components, outputs, features, features]``.
    logits
        Normalised log weights, ``[..., components]``.
    """

    arg_constraints = {  # noqa: RUF012
        "mean": constraints.independent(constraints.real, 3),
        "root": constraints.independent(constraints.real, 4),
        "logits": constraints.real_vector,
    }
    support = constraints.independent(constraints.real, 2)
    has_rsample = False

    def __init__(self, mean: Tensor, root: Tensor, logits: Tensor, validate_args: bool | None = None) -> None:
        self.mean_of_components, self.root, self.logits = mean, root, logits
        batch = torch.broadcast_shapes(mean.shape[:-3], root.shape[:-4], logits.shape[:-1])
        super().__init__(batch, mean.shape[-2:], validate_args=False)

    def expand(self, batch_shape: torch.Size, _instance: object = None) -> "WeightMixture":
        return WeightMixture(
            self.mean_of_components.expand(*batch_shape, *self.mean_of_components.shape[-3:]),
            self.root.expand(*batch_shape, *self.root.shape[-4:]),
            self.logits.expand(*batch_shape, self.logits.shape[-1]),
        )

    def component_log_prob(self, value: Tensor) -> Tensor:
        """Log density and weight of each component, ``[..., components]``: normalised, the responsibilities."""
        difference = (value.unsqueeze(-3) - self.mean_of_components).mT.unsqueeze(-1)
        shape = torch.broadcast_shapes(difference.shape[:-2], self.root.shape[:-2])
        white = torch.linalg.solve_triangular(
            self.root.expand(*shape, -1, -1), difference.expand(*shape, -1, -1), upper=False
        )
        log_det = self.root.diagonal(dim1=-2, dim2=-1).abs().log().sum((-2, -1))
        constant = 0.5 * math.log(2 * math.pi) * self.event_shape.numel()
        return self.logits - 0.5 * white.square().sum((-3, -2, -1)) - log_det - constant

    def log_prob(self, value: Tensor) -> Tensor:
        return self.component_log_prob(value).logsumexp(-1)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            shape = torch.Size(sample_shape) + self.batch_shape
            chosen = torch.distributions.Categorical(logits=self.logits.expand(*shape, -1)).sample()
            mean = _pick(self.mean_of_components.expand(*shape, *self.mean_of_components.shape[-3:]), chosen)
            root = _pick(self.root.expand(*shape, *self.root.shape[-4:]), chosen)
            return mean + (root @ torch.randn_like(mean.mT).unsqueeze(-1)).squeeze(-1).mT


def _pick(values: Tensor, chosen: Tensor) -> Tensor:
    """Values ``[*batch, components, *event]`` of each chosen component ``[*batch]``: ``[*batch, *event]``."""
    event = values.shape[chosen.dim() + 1 :]
    index = chosen.reshape(*chosen.shape, 1, *[1] * len(event)).expand(*chosen.shape, 1, *event)
    return values.gather(chosen.dim(), index).squeeze(chosen.dim())
