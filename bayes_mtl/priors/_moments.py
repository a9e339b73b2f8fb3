"""What a conditionally Gaussian prior says: mean and covariance of the weights given its hyperparameters."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.distributions import WeightMixture


@dataclass(frozen=True, eq=False)
class Moments:
    """Gaussian, or mixture of Gaussians, of every task's weights given the hyperparameters.

    The weights of task ``t`` are ``W[t] ~ N(mean, S)`` with ``S = L L' + factor factor'`` and
    ``L = diag(scale) correlation``; tasks are independent unless ``tasks`` says otherwise. Outputs
    share the correlation and are independent given the hyperparameters, but for ``factor``.

    Attributes
    ----------
    mean
        ``[..., features, outputs]``, or ``[..., tasks, features, outputs]`` where it differs by task.
        In a mixture one more axis of components stands left of the features.
    scale
        Standard deviations, shaped like ``mean``; None for no spread at all (pooled tasks).
    correlation
        Cholesky factor of the features' correlation, ``[..., features, features]`` (in a mixture
        ``[..., components, features, features]``); None for independent features.
    factor
        Low-rank part of the covariance, ``[..., features, outputs, rank]``, or None.
    tasks
        Cholesky factor of a covariance between tasks, ``[..., tasks, tasks]``, or None.
    logits
        Log weights of a mixture's components, normalised, ``[..., components]`` or
        ``[..., tasks, components]``; None where there is one component.
    """

    mean: Float[Tensor, "*batch features outputs"]
    scale: Float[Tensor, "*_ #features #outputs"] | None = None
    correlation: Float[Tensor, "*_ features features"] | None = None
    factor: Float[Tensor, "*_ #features #outputs rank"] | None = None
    tasks: Float[Tensor, "*_ tasks tasks"] | None = None
    logits: Float[Tensor, "*_ components"] | None = None

    def __post_init__(self) -> None:
        without_scale = [
            n for n in ("correlation", "factor", "tasks", "logits") if getattr(self, n) is not None
        ]
        if self.scale is None and without_scale:
            raise InputError(
                message(
                    "Moments", f"a scale beside {without_scale[0]}", "none", "Pass scale=, however small."
                )
            )
        together = [n for n in ("factor", "tasks", "logits") if getattr(self, n) is not None]
        if len(together) > 1:
            raise UnsupportedError(
                message(
                    "Moments",
                    "one of factor, tasks and logits",
                    " and ".join(together),
                    "Define weights() of an AbstractTaskPrior for a prior that combines them.",
                )
            )

    @property
    def rank(self) -> int:
        """Columns of the low-rank part."""
        return 0 if self.factor is None else self.factor.shape[-1]

    def spread(self, noise: Float[Tensor, "*_ features outputs"]) -> Float[Tensor, "*_ features outputs"]:
        """Turn standard normal ``noise [..., tasks, features, outputs]`` into deviations from the mean."""
        if self.scale is None:
            return torch.zeros_like(noise)
        if self.tasks is not None:
            between = self.tasks if self.tasks.dim() == 2 else self.tasks.squeeze(-3)
            noise = torch.einsum("...ts,...sdc->...tdc", between, noise)
        if self.correlation is not None:
            noise = self.correlation @ noise
        return self.scale * noise

    def mixture(self) -> WeightMixture:
        """Distribution of one task's weights; a Gaussian is a mixture of one component.

        Raises
        ------
        UnsupportedError
            Where they are no independent draws of such a mixture.
        """
        if self.scale is None or self.tasks is not None or self.factor is not None:
            raise UnsupportedError("Only tasks that are independent, without a low-rank part, have one.")
        one = self.logits is None
        logits = self.mean.new_zeros(1) if self.logits is None else self.logits
        mean = self.mean.unsqueeze(-3) if one else self.mean
        if self.correlation is None:
            scale = self.scale.unsqueeze(-3) if one else self.scale
            return WeightMixture(mean, scale, logits, independent=True)
        root = self.root()
        return WeightMixture(mean, root.unsqueeze(-4) if one else root, logits)

    def root(self) -> Float[Tensor, "*_ outputs features columns"]:
        """Square root ``R`` of one task's covariance ``R R'`` for each output.

        Returns
        -------
        Tensor
            ``[..., outputs, features, columns]``; more columns than rows with a low-rank part (which
            couples outputs: meaningful for one output only), zeros without any spread.
        """
        if self.scale is None:
            return torch.zeros_like(self.mean.mT).unsqueeze(-1)
        scale = self.scale.mT
        diagonal = torch.diag_embed(scale)
        if self.correlation is not None:
            diagonal = scale.unsqueeze(-1) * self.correlation.unsqueeze(-3)
        if self.factor is None:
            return diagonal
        low = self.factor.transpose(-3, -2)
        shape = torch.broadcast_shapes(diagonal.shape[:-2], low.shape[:-2])
        return torch.cat([diagonal.expand(*shape, -1, -1), low.expand(*shape, -1, -1)], -1)
