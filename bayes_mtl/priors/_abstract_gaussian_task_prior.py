"""Priors that are Gaussian given their hyperparameters: define `moments`, and the rest follows."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import pyro
import torch
from jaxtyping import Float
from pyro.distributions import Normal
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.priors._abstract_task_prior import AbstractTaskPrior
from bayes_mtl.priors._at_draws import at_draws
from bayes_mtl.priors._cosines import cosines
from bayes_mtl.priors._moments import Moments


class AbstractGaussianTaskPrior(AbstractTaskPrior):
    """A prior that is Gaussian, or a mixture of Gaussians, given its hyperparameters.

    Subclasses define `moments` alone. Sampling (non-centred; a mixture centred, with its assignments
    summed out), the collapsed engine and new tasks come from here.
    """

    related_by: ClassVar[str] = "cosine of the deviations from the population's mean"

    centered: bool = False
    """Whether the weights are sampled themselves instead of standard normal noise.

    The posterior is the same; its shape differs. Few rows a task make noise the better unknown, many the
    weights.
    """

    @abstractmethod
    def moments(self, dims: Dims) -> Moments:
        """Sample the hyperparameters and return mean and covariance of the weights given them."""

    def weights(self, dims: Dims) -> Float[Tensor, "*draws tasks features outputs"]:
        return self._sample(self.moments(dims), dims)

    def new_weights(self, dims: Dims) -> Float[Tensor, "*draws tasks features outputs"]:
        return self._sample(self.new_moments(dims), dims)

    def new_moments(self, dims: Dims) -> Moments:
        """Moments of tasks that were not fitted, given the hyperparameters.

        Raises
        ------
        UnsupportedError
            Where tasks are correlated by a covariance that holds the fitted tasks only.
        """
        moments = self.moments(dims)
        if moments.tasks is not None:
            raise UnsupportedError(
                f"{type(self).__name__} learns a covariance between the fitted tasks and says nothing about "
                "another one. Use Hierarchical, LowRank or TaskClustering to predict for new tasks."
            )
        return moments

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Float[Tensor, "draws tasks tasks"]:
        """How alike tasks are, ``[draws, tasks, tasks]``.

        The cosine between the tasks' deviations from the mean that the hyperparameters give them: 1 for
        tasks that differ from it in the same direction, 0 for unrelated ones. The mean of the fitted tasks
        would not do in its place: deviations from that sum to zero, which makes the cosines of ``T`` tasks
        -1 / (T - 1) on average, and -1 for any two. For a mixture, which has no such mean, it has to.

        Parameters
        ----------
        draws
            Posterior draws of the prior's sites and of ``weights``
            (``[draws, tasks, features, outputs]``, standardised).
        """
        return self.related_among(draws, dims, torch.arange(draws["weights"].shape[-3]))

    def related_among(self, draws: Mapping[str, Tensor], dims: Dims, tasks: Tensor) -> Tensor:
        weights = draws["weights"]
        hyper = {name: value for name, value in draws.items() if name != "weights"}
        hyper = hyper or {"_none": weights.new_zeros(len(weights), 1)}
        moments = at_draws(lambda: self.moments(dims), hyper)
        centre = moments.mean if moments.logits is None else weights.mean(-3, keepdim=True)
        return cosines((weights - centre)[..., tasks.to(weights.device), :, :])

    def _sample(self, moments: Moments, dims: Dims) -> Float[Tensor, "*draws tasks features outputs"]:
        if moments.logits is not None:
            with dims.plate():
                return pyro.sample("weights", moments.mixture())
        if moments.scale is None:
            return moments.mean.expand(*_batch(moments.mean), dims.tasks, *dims.weights)
        if self.centered and moments.tasks is None and moments.factor is None:
            with dims.plate():
                return pyro.sample("weights", moments.mixture())
        # no relative of the mean, for those who trace what depends on what
        one = torch.ones((), dtype=moments.mean.dtype, device=moments.mean.device)
        zero = torch.zeros_like(one)
        low: Tensor | float = 0.0
        with dims.plate():
            noise = pyro.sample("weights_noise", Normal(zero, one).expand(list(dims.weights)).to_event(2))
            if moments.factor is not None:
                shape = [moments.rank]
                activity = pyro.sample("weights_activity", Normal(zero, one).expand(shape).to_event(1))
                low = torch.einsum("...dcr,...r->...dc", moments.factor, activity)
        return moments.mean + moments.spread(noise) + low


def _batch(mean: Tensor) -> tuple[int, ...]:
    """Leading axes of a mean left of its (possibly absent) axis of tasks."""
    return mean.shape[:-3] if mean.dim() > 2 else mean.shape[:-2]
