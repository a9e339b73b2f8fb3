"""Type-II estimates of the hyperparameters of the groups' precisions."""

from collections.abc import Mapping
from functools import cached_property

import torch
from pyro.distributions import Distribution
from torch import Tensor
from torch.distributions import biject_to

from bayes_mtl.priors._precision_factor import PrecisionFactor

_STEPS = 4
"""Of the optimiser in a sweep: the next sweep goes on."""


class GroupHyper:
    """Order, chi and phi of the prior of the precisions: given, or points that maximise the bound.

    Parameters
    ----------
    given
        ``order``, ``chi``, ``phi``: a number, or a hyperprior.
    shift
        ``[groups]``: what sizes add to the order.
    """

    def __init__(self, given: Mapping[str, float | Distribution], shift: Tensor) -> None:
        self.learned = {name: prior for name, prior in given.items() if isinstance(prior, Distribution)}
        self.shift = shift
        self._given = {k: shift.new_tensor(v) for k, v in given.items() if k not in self.learned}
        self._maps = {name: biject_to(prior.support) for name, prior in self.learned.items()}
        self._free = {
            name: shift.new_zeros(self._maps[name].inverse_shape(prior.shape()))
            for name, prior in self.learned.items()
        }

    def values(self, free: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The hyperparameters as they are now (or at ``free`` unconstrained numbers)."""
        free = self._free if free is None else free
        return {**self._given, **{name: self._maps[name](value) for name, value in free.items()}}

    @cached_property
    def _fixed(self) -> PrecisionFactor:
        return self._prior({})

    def prior(self) -> PrecisionFactor:
        """Prior of the precisions at the hyperparameters as they are now."""
        return self._prior(self._free) if self.learned else self._fixed

    def _prior(self, free: Mapping[str, Tensor]) -> PrecisionFactor:
        found = self.values(free)
        one = torch.ones_like(self.shift)
        return PrecisionFactor(found["order"] + self.shift, found["chi"] * one, found["phi"] * one)

    def bound(self, free: Mapping[str, Tensor] | None = None) -> Tensor:
        """Log density of the hyperparameters on the unconstrained scale, as `MAP` takes it."""
        total = self.shift.new_zeros(())
        for name, value in (self._free if free is None else free).items():
            constrained = self._maps[name](value)
            total = total + self.learned[name].log_prob(constrained)
            total = total + self._maps[name].log_abs_det_jacobian(value, constrained)
        return total

    def update(self, factor: PrecisionFactor) -> None:
        """Move to the hyperparameters that are best given the precisions' posterior; never to worse ones."""
        if not self.learned:
            return
        _ = factor.mean, factor.log  # cached outside of the graph

        def loss(free: Mapping[str, Tensor]) -> Tensor:
            return -self._prior(free).expected(factor).sum() - self.bound(free)

        with torch.enable_grad():
            free = {name: value.clone().requires_grad_() for name, value in self._free.items()}
            optimiser = torch.optim.LBFGS(list(free.values()), max_iter=_STEPS, line_search_fn="strong_wolfe")

            def closure() -> Tensor:
                optimiser.zero_grad()
                value = loss(free)
                value.backward()
                return value

            optimiser.step(closure)
            found = {name: value.detach() for name, value in free.items()}
        better = loss(found) < loss(self._free)
        if bool(better):
            self._free = found
