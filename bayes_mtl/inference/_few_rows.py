"""The weights of one new task given its few rows, at every draw of the hyperparameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl._shapes import Dims
from bayes_mtl.data import Batch
from bayes_mtl.model import Program
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments, at_draws

_ITERATIONS = 50
_CONVERGED = 1e-6


@dataclass(frozen=True, eq=False)
class FewRows:
    """Joint density of white weights ``z`` and the rows of one new task, for all draws at once.

    The weights are ``w = mean + R z`` with ``z ~ N(0, I)``, for each draw of the hyperparameters and each
    component of a mixture; everything below has leading axes ``[draws, components]``.
    """

    program: Program
    batch: Batch
    features: Tensor
    moments: Moments
    fixed: Tensor | None
    parameters: Mapping[str, Tensor]
    dims: Dims

    @classmethod
    def at(
        cls,
        program: Program,
        prior: AbstractGaussianTaskPrior,
        draws: Mapping[str, Tensor],
        batch: Batch,
        dims: Dims,
    ) -> "FewRows":
        """The rows ``batch`` of one task at posterior ``draws`` of everything that tasks share.

        Networks calculate in the precision of both, everything else in float64.
        """
        with torch.no_grad():
            number = next(iter(draws.values())).shape[0]
            features = at_draws(lambda: program.design(batch, (number,)), draws).double()
        batch = batch.to("cpu", torch.float64)
        draws = {name: value.double() for name, value in draws.items()}
        moments, fixed, parameters = at_draws(
            lambda: (prior.new_moments(dims), program.fixed(), program.likelihood_parameters(batch)), draws
        )
        events = program.likelihood.events
        # An axis of components between the draws and the observations.
        parameters = {
            name: value.unsqueeze(value.dim() - 1 - events.get(name, 0)) if value.dim() else value
            for name, value in parameters.items()
        }
        return cls(
            program=program,
            batch=batch,
            features=features.unsqueeze(1) if features.dim() > 2 else features,
            moments=moments,
            fixed=None if fixed is None else fixed.unsqueeze(1),
            parameters=parameters,
            dims=dims,
        )

    @property
    def size(self) -> int:
        """Length of the white weights."""
        return self.dims.features * self.dims.outputs + self.moments.rank

    @property
    def components(self) -> int:
        """Number of components of the prior given its hyperparameters."""
        return 1 if self.moments.logits is None else self.moments.logits.shape[-1]

    def weights(self, white: Tensor) -> Tensor:
        """``[draws, components, features, outputs]`` of white weights ``[draws, components, size]``."""
        noise = white[..., : self.dims.features * self.dims.outputs]
        noise = noise.reshape(*white.shape[:-1], self.dims.features, self.dims.outputs)
        moments = self.moments
        if moments.logits is not None:
            # Moments are [draws, 1, components, ...]: the one task stands where its plate was.
            return (moments.mean + moments.spread(noise.unsqueeze(1))).squeeze(1)
        weights = moments.mean + moments.spread(noise)
        if moments.factor is not None:
            weights = weights + torch.einsum(
                "...dcr,...r->...dc", moments.factor, white[..., -moments.rank :]
            )
        return weights

    def log_density(self, white: Tensor) -> Tensor:
        """``log N(z; 0, I) + log p(rows | z)`` but for the constant of the first, ``[draws, components]``."""
        weights = self.weights(white).unsqueeze(-3)
        f = self.program.predictor(self.batch, weights, self.fixed, self.features)
        log = self.program.likelihood.distribution(f, self.batch, self.parameters).log_prob(self.batch.y)
        return (log * self.batch.scale).sum(-1) - 0.5 * white.square().sum(-1)

    def propose(self, number: int, proposals: int) -> tuple[Tensor, Tensor]:
        """Draws of the white weights from a Gaussian around their mode, for every draw and component.

        Returns
        -------
        Tensor
            ``[proposals, draws, components, size]``: white weights.
        Tensor
            ``[proposals, draws, components]``: log importance weights; the mean of their exponentials over
            proposals is an unbiased estimate of the evidence of the rows, exact for a Gaussian likelihood.
        """
        mode, root = self.laplace(number)
        noise = torch.randn(proposals, *mode.shape, dtype=mode.dtype)
        with torch.no_grad():
            white = mode + (root @ noise.unsqueeze(-1)).squeeze(-1)
            density = torch.stack([self.log_density(one) for one in white])
            # Density of a proposal: N(noise; 0, I) / |root|, against N(z; 0, I) in the target. The columns of
            # the root are orthogonal.
            volume = root.square().sum(-2).log().sum(-1) / 2
            return white, density + 0.5 * noise.square().sum(-1) + volume

    def evidence(self, log_weights: Tensor) -> Tensor:
        """``[draws, components]``: log evidence from the log weights of `propose`, a component's included."""
        found = log_weights.logsumexp(0) - math.log(len(log_weights))
        if self.moments.logits is not None:
            found = found + self.moments.logits.reshape(-1, self.components)
        return found

    def laplace(self, number: int) -> tuple[Tensor, Tensor]:
        """Mode and inverse square root of the curvature at it, by damped Newton steps in every cell.

        Returns
        -------
        Tensor
            ``[draws, components, size]``: modes.
        Tensor
            ``[draws, components, size, size]``: ``S`` with ``S S'`` the inverse of the curvature.
        """
        white = torch.zeros(number, self.components, self.size, dtype=torch.float64)
        value = self.log_density(white).detach()
        for _ in range(_ITERATIONS):
            gradient, root = self._curvature(white)
            step = (root @ (root.mT @ gradient.unsqueeze(-1))).squeeze(-1)
            length = torch.ones_like(value)
            for _ in range(10):  # halve the step only in the cells that it does not improve
                trial = white + length.unsqueeze(-1) * step
                found = self.log_density(trial).detach()
                worse = ~(found >= value - 1e-9)
                if not bool(worse.any()):
                    break
                length = torch.where(worse, length / 2, length)
            white = torch.where(worse.unsqueeze(-1), white, trial)
            gain = torch.where(worse, torch.zeros_like(value), found - value)
            value = value + gain
            if float(gain.max()) < _CONVERGED:
                break
        return white, self._curvature(white)[1]

    def _curvature(self, white: Tensor) -> tuple[Tensor, Tensor]:
        point = white.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.log_density(point).sum(), point, create_graph=True)
        columns = [
            torch.autograd.grad(gradient[..., i].sum(), point, retain_graph=True)[0] for i in range(self.size)
        ]
        curvature = -torch.stack(columns, -1)
        values, vectors = torch.linalg.eigh((curvature + curvature.mT) / 2)
        # The prior alone has curvature 1; heavy-tailed likelihoods may subtract from it.
        return gradient.detach(), (vectors * values.clamp_min(0.5).rsqrt().unsqueeze(-2)).detach()
