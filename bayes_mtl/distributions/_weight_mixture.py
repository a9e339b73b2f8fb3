"""Mixture of Gaussians over one task's weights, with the assignment summed out."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

_ONE = torch.Size()


class WeightMixture(TorchDistribution):
    """``p(W) = sum_k exp(logits_k) N(vec W; mean_k, R_k R_k')``.

    Unlike torch's ``MixtureSameFamily`` its support is declared as a real matrix, so that Pyro's
    autoguides and unconstrained samplers accept it as a latent site.

    Parameters
    ----------
    mean
        Of each component, ``[..., components, features, outputs]``.
    root
        Lower triangular factors of the features' covariance for each output (independent of each other),
        ``[..., components, outputs, features, features]``; for independent features their standard
        deviations, ``[..., components, features, outputs]``, with ``independent``.
    logits
        Normalised log weights, ``[..., components]``.
    independent
        Whether ``root`` holds standard deviations: a density without triangular solves.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "mean": constraints.independent(constraints.real, 3),
        "root": constraints.real,
        "logits": constraints.real_vector,
    }
    support = constraints.independent(constraints.real, 2)
    has_rsample = False

    def __init__(self, mean: Tensor, root: Tensor, logits: Tensor, independent: bool = False) -> None:
        self.mean_of_components, self.root, self.logits = mean, root, logits
        self.independent, self._axes = independent, 3 if independent else 4
        batch = torch.broadcast_shapes(mean.shape[:-3], root.shape[: -self._axes], logits.shape[:-1])
        super().__init__(batch, mean.shape[-2:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Of the mixture, ``[..., features, outputs]``."""
        return (self.logits.exp()[..., None, None] * self.mean_of_components).sum(-3).expand(self.shape())

    @property
    def variance(self) -> Tensor:
        """Of each weight, ``[..., features, outputs]``."""
        share = self.logits.exp()[..., None, None]
        within = self.root.square() if self.independent else self.root.square().sum(-1).mT
        between = self.mean_of_components - self.mean.unsqueeze(-3)
        return (share * (within + between.square())).sum(-3).expand(self.shape())

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "WeightMixture":
        return WeightMixture(
            self.mean_of_components.expand(*batch_shape, *self.mean_of_components.shape[-3:]),
            self.root.expand(*batch_shape, *self.root.shape[-self._axes :]),
            self.logits.expand(*batch_shape, self.logits.shape[-1]),
            self.independent,
        )

    def component_log_prob(self, value: Tensor) -> Tensor:
        """Log weight plus log density of each component, ``[..., components]``.

        Their softmax is the probability of each component given the value.
        """
        difference = value.unsqueeze(-3) - self.mean_of_components
        if self.independent:
            squares = (difference / self.root).square().sum((-2, -1))
            log_det = self.root.log().sum((-2, -1))
        else:
            squares = self._white(difference.mT.unsqueeze(-1)).square().sum((-3, -2, -1))
            log_det = self.root.diagonal(dim1=-2, dim2=-1).abs().log().sum((-2, -1))
        constant = 0.5 * math.log(2 * math.pi) * math.prod(self.event_shape)
        return self.logits - 0.5 * squares - log_det - constant

    def _white(self, difference: Tensor) -> Tensor:
        """``R^-1`` times ``[..., components, outputs, features, 1]``."""
        # One factor for a whole batch axis: one solve with many columns, not as many solves of one.
        shared = difference.dim() > 4 and (self.root.dim() == 4 or self.root.shape[-5] == 1)
        columns = difference.transpose(-5, -1) if shared else difference
        shape = torch.broadcast_shapes(columns.shape[:-2], self.root.shape[:-2])
        white = torch.linalg.solve_triangular(
            self.root.expand(*shape, -1, -1), columns.expand(*shape, -1, -1), upper=False
        )
        return white.transpose(-5, -1) if shared else white

    def log_prob(self, value: Tensor) -> Tensor:
        density: Tensor = self.component_log_prob(value).logsumexp(-1)
        return density

    def sample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        with torch.no_grad():
            shape = torch.Size(sample_shape) + self.batch_shape
            chosen = torch.distributions.Categorical(logits=self.logits.expand(*shape, -1)).sample()
            mean = _pick(self.mean_of_components.expand(*shape, *self.mean_of_components.shape[-3:]), chosen)
            root = _pick(self.root.expand(*shape, *self.root.shape[-self._axes :]), chosen)
            if self.independent:
                return mean + root * torch.randn_like(mean)
            return mean + (root @ torch.randn_like(mean.mT).unsqueeze(-1)).squeeze(-1).mT


def _pick(values: Tensor, chosen: Tensor) -> Tensor:
    """Values ``[*batch, components, *event]`` of each chosen component ``[*batch]``: ``[*batch, *event]``."""
    event = values.shape[chosen.dim() + 1 :]
    index = chosen.reshape(*chosen.shape, 1, *[1] * len(event)).expand(*chosen.shape, 1, *event)
    return values.gather(chosen.dim(), index).squeeze(chosen.dim())
