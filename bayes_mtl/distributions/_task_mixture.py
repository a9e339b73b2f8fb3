"""Mixture of other tasks' Gaussians, one choice for each output: the prior of the Gumbel-softmax method."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.distributions._log_normals import log_normals

_FEW_TASKS = 8
"""Up to so many tasks, differences of every weight from every source cost less than matrix products."""
Divergence = Literal["mixture", "convex", "moments"]
_ONE = torch.Size()


class TaskMixture(TorchDistribution):
    """``p(W) = prod_c sum_i alpha[i, c] N(W[:, c]; mean[i, :, c], diag sd[i, :, c]^2)``.

    Parameters
    ----------
    mean, sd
        Of each source, ``[..., tasks or 1, sources, features, outputs]``.
    logits
        Normalised log weights of the sources, ``[..., tasks or 1, sources, outputs]``; minus infinity closes
        a source.
    divergence
        What the expectation of ``log q - log p`` under a guide ``q`` is: ``"mixture"`` the true divergence
        from the mixture; ``"convex"`` its upper bound ``sum_i alpha_i KL(q, N_i)`` (`log_prob` is then
        ``sum_i alpha_i log N_i``, a density up to a constant); ``"moments"`` that from the one Gaussian that
        the average ``sum_i alpha_i W_i`` of independent draws has. They are far apart: see `mixture_kl`.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "source_mean": constraints.independent(constraints.real, 3),
        "source_sd": constraints.independent(constraints.positive, 3),
        "logits": constraints.independent(constraints.real, 2),
    }
    support = constraints.independent(constraints.real, 2)
    has_rsample = False

    def __init__(self, mean: Tensor, sd: Tensor, logits: Tensor, divergence: Divergence = "mixture") -> None:
        check_divergence(divergence)
        self.source_mean, self.source_sd, self.logits, self.divergence = mean, sd, logits, divergence
        batch = torch.broadcast_shapes(mean.shape[:-3], sd.shape[:-3], logits.shape[:-2])
        super().__init__(batch, mean.shape[-2:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Of the mixture (or of the average), ``[..., features, outputs]``."""
        return (self.logits.exp().unsqueeze(-2) * self.source_mean).sum(-3).expand(self.shape())

    @property
    def variance(self) -> Tensor:
        """Of each weight under the mixture (or the average), ``[..., features, outputs]``."""
        weight = self.logits.exp().unsqueeze(-2)
        if self.divergence == "moments":
            return (weight * self.source_sd).square().sum(-3).expand(self.shape())
        between = (self.source_mean - self.mean.unsqueeze(-3)).square()
        return (weight * (self.source_sd.square() + between)).sum(-3).expand(self.shape())

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "TaskMixture":
        # The sources stay as they are: that all tasks have the same ones saves most of the work.
        logits = self.logits.expand(*batch_shape, *self.logits.shape[-2:])
        return TaskMixture(self.source_mean, self.source_sd, logits, self.divergence)

    def output_log_prob(self, value: Tensor) -> Tensor:
        """The density's logarithm, output by output: ``[..., outputs]``."""
        if self.divergence == "moments":
            return _log_normal(value, self.mean, self.variance.sqrt())
        each = self._each(value)
        if self.divergence == "convex":
            return (self.logits.exp() * each).sum(-2)
        density: Tensor = (self.logits + each).logsumexp(-2)
        return density

    def _each(self, value: Tensor) -> Tensor:
        """Log-density under every source: ``[..., sources, outputs]``."""
        mean, sd = self.source_mean, self.source_sd
        shared = mean.dim() > 3 and mean.shape[-4] == 1 and (sd.dim() == 3 or sd.shape[-4] == 1)
        if shared and value.dim() > 2 and value.shape[-3] > _FEW_TASKS:
            return log_normals(value, mean.squeeze(-4), sd if sd.dim() == 3 else sd.squeeze(-4))
        return _log_normal(value.unsqueeze(-3), mean, sd)

    def log_prob(self, value: Tensor) -> Tensor:
        density: Tensor = self.output_log_prob(value).sum(-1)
        return density

    def sample(self, sample_shape: Sequence[int] = _ONE) -> Tensor:
        shape = torch.Size(sample_shape) + self.batch_shape
        with torch.no_grad():
            noise = torch.randn(
                (*shape, *self.event_shape), dtype=self.source_mean.dtype, device=self.logits.device
            )
            return self.from_noise(noise)

    def from_noise(self, noise: Tensor) -> Tensor:
        """A draw, made of standard normal numbers ``[..., features, outputs]`` and a choice of sources.

        Differentiable in means and standard deviations, not in the weights of the sources.
        """
        shape = torch.broadcast_shapes(noise.shape[:-2], self.batch_shape)
        if self.divergence == "moments":
            return self.mean + self.variance.sqrt() * noise
        if self.divergence == "convex":
            precision = self.logits.exp().unsqueeze(-2) / self.source_sd.square()
            total = precision.sum(-3)
            return (precision * self.source_mean).sum(-3) / total + noise / total.sqrt()
        logits = self.logits.detach().mT.expand(*shape, *self.logits.mT.shape[-2:])
        chosen = torch.distributions.Categorical(logits=logits, validate_args=False).sample()
        return _pick(self.source_mean, chosen) + _pick(self.source_sd, chosen) * noise


def check_divergence(divergence: str) -> None:
    """Refuse a name that is none of the three.

    Raises
    ------
    InputError
        Naming them.
    """
    known = get_args(Divergence)
    if divergence not in known:
        raise InputError(message("divergence", f"one of {known}", repr(divergence), "Choose one."))


def _log_normal(value: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    """Log-density of independent normals, summed over features: ``[..., outputs]``."""
    squares = ((value - mean) / sd).square()
    total: Tensor = -(0.5 * squares + sd.log()).sum(-2) - 0.5 * math.log(2 * math.pi) * value.shape[-2]
    return total


def _pick(values: Tensor, chosen: Tensor) -> Tensor:
    """Values ``[..., sources, features, outputs]`` of the sources ``[*batch, outputs]`` that were chosen."""
    features = values.shape[-2]
    index = chosen[..., None, None, :].expand(*chosen.shape[:-1], 1, features, chosen.shape[-1])
    return values.expand(*chosen.shape[:-1], *values.shape[-3:]).gather(-3, index).squeeze(-3)
