"""What a rule for the network's gradient sees of one step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.data import Batch


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The ELBO on one batch, cut at the network's output.

    Attributes
    ----------
    batch
        The observations.
    parameters
        Of the network, those that are trained.
    features
        ``[..., observations, features]``: what the tasks' weights multiply, with the network's graph.
    gradient
        Of the loss by the features, of the same shape.
    nll
        ``[observations]``: negative log-likelihood of each observation, in nats, mean over the draws of the
        guide; without the observations' weights, and without a graph.
    discrete
        ``[tasks]`` bool: whether a task's targets are classes or counts.
    at
        Called with other values of the parameters: `nll` there, at the same draws of all other unknowns, with
        its graph.
    """

    batch: Batch
    parameters: tuple[Tensor, ...]
    features: Tensor
    gradient: Tensor
    nll: Tensor
    discrete: Tensor
    at: Callable[[Sequence[Tensor]], Tensor]

    @property
    def tasks(self) -> int:
        """Number of tasks of the model."""
        return self.batch.tasks

    @property
    def present(self) -> Tensor:
        """``[tasks]`` bool: which tasks have an observation in the batch that counts."""
        return self.sums(torch.ones_like(self.batch.scale)) > 0

    def sums(self, values: Tensor) -> Tensor:
        """``[tasks]``: sums of ``values [observations]``, each times its observation's scale."""
        zeros = values.new_zeros(self.tasks)
        return zeros.index_add(0, self.batch.task, values * self.batch.scale.to(values.dtype))

    def losses(self, nll: Tensor | None = None) -> Tensor:
        """``[tasks]``: the loss of each task on the batch, a positive number; 1 where a task is absent.

        Mean negative log-likelihood where targets are classes or counts. The one of a density depends on the
        unit of the target and may be negative: there it is the exponential of that mean, which is, like a
        root mean squared error, proportional to the size of the residuals.
        """
        mean, here = self._means(nll)
        loss = torch.where(self.discrete, mean, mean.exp())
        return torch.where(here, loss, torch.ones_like(loss))

    def log_losses(self, nll: Tensor | None = None) -> Tensor:
        """``[tasks]``: logarithms of `losses`, for ratios of them.

        Finite where residuals are so large that the losses themselves are not: beyond 88 nats in float32.
        """
        mean, here = self._means(nll)
        tiny = torch.finfo(mean.dtype).tiny
        return torch.where(here, torch.where(self.discrete, mean.clamp(min=tiny).log(), mean), 0.0)

    def _means(self, nll: Tensor | None) -> tuple[Tensor, Tensor]:
        """``[tasks]``: mean of each task's negative log-likelihoods, and whether it has any."""
        nll = self.nll if nll is None else nll
        totals = self.sums(torch.ones_like(nll))
        return self.sums(nll) / torch.where(totals > 0, totals, torch.ones_like(totals)), totals > 0

    def pull(self, weights: Tensor) -> list[Tensor]:
        """Gradient of the parameters where each observation's share is multiplied.

        Parameters
        ----------
        weights
            ``[observations]``; ones give the gradient of the ELBO.
        """
        scaled = self.gradient * weights.to(self.gradient.dtype).unsqueeze(-1)
        found = torch.autograd.grad(
            self.features, self.parameters, scaled, retain_graph=True, allow_unused=True
        )
        return [
            torch.zeros_like(parameter) if value is None else value
            for parameter, value in zip(self.parameters, found, strict=True)
        ]
