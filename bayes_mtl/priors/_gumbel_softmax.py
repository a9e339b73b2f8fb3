"""Every task draws its prior from the other tasks' posteriors: variational multi-task learning.

Model
-----
``p(W[t, :, c]) = sum_i alpha[t, i] N(mean[i, :, c], diag(sd[i, :, c]^2 + spread^2))`` over the other tasks
``i`` that have data for class ``c``. ``mean`` and ``sd`` are those of the other tasks' variational
posteriors after the previous step, detached; ``alpha[t] = softmax((logits[t] + g) / temperature)`` with
Gumbel noise ``g`` and learned logits. A class that task ``t`` never saw keeps its prior, the mixture of the
tasks that did.

When: a few tasks of which some are alike and others are not, and nobody knows which; classification in which
tasks lack classes.
When not: a full posterior is wanted (this is a fixed point of an iteration, not a joint distribution, so
there is no evidence, NUTS or simulation-based calibration); tasks are exchangeable (`Hierarchical`).

``spread`` is an addition to the published model, which is ``spread=0.0``. Without it two tasks that are each
other's prior count each other's data over and over: the only fixed points have no variance at all.

Reference: Shen, Zhen, Worring and Shao, Variational multi-task learning with Gumbel-softmax priors (NeurIPS
2021).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyro
import torch
from pyro.distributions import Distribution, Gumbel
from torch import Tensor, nn

from bayes_mtl._errors import InputError, message
from bayes_mtl._settings import check_positive, check_priors, check_whole, require_number
from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import TaskMixture
from bayes_mtl.distributions._task_mixture import Divergence, check_divergence
from bayes_mtl.priors._abstract_task_prior import AbstractTaskPrior
from bayes_mtl.priors._estimates import Estimates
from bayes_mtl.priors._mixture_guide import MixtureGuide, start_of
from bayes_mtl.priors._mixture_state import MixtureState
from bayes_mtl.priors._mutual_shares import mutual_shares

if TYPE_CHECKING:
    from bayes_mtl.data import Batch

_NUMBERS = 1 << 20
"""For the average over the noise of the choice."""


@dataclass(frozen=True)
class GumbelSoftmax(AbstractTaskPrior):
    """A mixture of the other tasks' current posteriors, with learned weights.

    Parameters
    ----------
    spread
        How far related tasks differ, a standard deviation on the standardised scale: a prior of the one
        number that all tasks share, or a number. It widens every component; 0.0 is the published model.
    temperature
        Of the Gumbel-softmax: at the first step, and from ``anneal`` steps on.
    anneal
        Steps in which the temperature changes, linearly.
    rate
        Factor on the learning rate of the logits.
    base_scale
        Standard deviation of the base prior, with mean zero: the only component for a task alone and for
        classes that no other task has seen, and what all components are before the first step.
    alone
        Whether the base prior is always one of the components: a task like no other may then choose it.
    kl
        ``"mixture"`` (the divergence from the mixture), or, for comparison, ``"convex"`` (its upper bound) or
        ``"moments"`` (that from the Gaussian of the sources' weighted average): see `mixture_kl`.
    tempering
        Weight of the prior's divergence in the objective. Only 1.0 is an evidence bound.
    amortised
        Above 0, the posterior of a task's weights for a class is made of the average features of that class
        by one small network for all tasks and classes, and this is the width of its hidden layer. A new task
        then gets its weights without any training.

    Notes
    -----
    The uncertainty of ``alpha`` is that of the Gumbel-softmax distribution at the learned logits; the logits
    themselves are point estimates.
    """

    dim_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"alpha": ("task", "task_bis")}
    related_by: ClassVar[str] = "share of one task in the other's prior, averaged over both directions"
    only_svi: ClassVar[str] = (
        "its prior is made of the guide's own moments and is no fixed joint distribution"
    )

    spread: float | Distribution = 0.5
    temperature: tuple[float, float] = (1.0, 0.5)
    anneal: int = 1000
    rate: float = 1.0
    base_scale: float = 1.0
    alone: bool = False
    kl: Divergence = "mixture"
    tempering: float = 1.0
    amortised: int = 0

    def __post_init__(self) -> None:
        pair = isinstance(self.temperature, tuple) and len(self.temperature) == 2
        if not pair or not min(self.temperature) > 0:
            raise InputError(
                message("temperature", "two numbers above 0", self.temperature, "Try (1.0, 0.5).")
            )
        for name in ("rate", "base_scale", "tempering", "anneal"):
            check_positive(self, name, remedy=f"Try {getattr(GumbelSoftmax, name)}.")
        if isinstance(self.spread, Distribution):
            check_priors(self, "spread", positive=True, scalar=True)
        elif not require_number(self, "spread") >= 0:
            raise InputError(message("spread", "0 or more, or a prior", self.spread, "Try HalfNormal(1.0)."))
        check_whole(self, "amortised", 0, "0 is none; try a width of 32.")
        check_divergence(self.kl)

    def state(self, dims: Dims) -> MixtureState:
        return MixtureState(dims, self.base_scale, self.alone, self.amortised)

    def extended_state(self, dims: Dims, new: Dims) -> MixtureState:
        state = _state(dims)
        return state.with_tasks(dims, new, self._shares(state))

    def guide(
        self, dims: Dims, values: Mapping[str, Tensor], design: "Callable[[Batch], Tensor]"
    ) -> nn.Module:
        spread = self.spread if isinstance(self.spread, Distribution) else None
        start = start_of(values, dims)
        return MixtureGuide(dims, _state(dims), start, spread, self._noise, self._mixture, design)

    def initialise(self, estimates: Estimates, dims: Dims) -> dict[str, Tensor]:
        """The tasks' weights under one Gaussian population."""
        return {"weights": estimates.shrunk}

    def weights(self, dims: Dims) -> Tensor:
        spread = self._spread()
        mixture = self._mixture(dims, self._noise(dims), spread)
        with dims.plate(), pyro.poutine.scale(scale=self.tempering):
            return pyro.sample("weights", mixture)

    def new_weights(self, dims: Dims) -> Tensor:
        """From the average over the fitted tasks' mixtures."""
        state = _state(dims)
        mixture = self._from(state, state.average(self._shares(state)), self._spread())
        with dims.plate():
            return pyro.sample("weights", mixture)

    def _spread(self) -> Tensor | None:
        return pyro.sample("spread", self.spread) if isinstance(self.spread, Distribution) else None

    def _noise(self, dims: Dims) -> Tensor:
        """Gumbel noise of every task's choice, ``[..., tasks, sources]``; none where there is no choice."""
        zero = torch.zeros_like(_state(dims).logits[0])
        if dims.tasks - 1 + self.alone < 2:
            return zero
        with dims.plate():
            return pyro.sample("alpha_noise", Gumbel(zero, zero + 1.0).to_event(1))

    def _logits(self, state: MixtureState, noise: Tensor) -> Tensor:
        """Log weights before they are normalised, ``[..., tasks, sources]``."""
        first, last = self.temperature
        temperature = first + (last - first) * (state.steps / self.anneal).clamp(max=1.0)
        return (self.rate * state.logits + noise) / temperature

    def _shares(self, state: MixtureState) -> Tensor:
        """Expected share of each source in each task's prior, ``[tasks, sources]``.

        It is no function that one could write down, so it is the mean over noise from a seed of its own.
        """
        tasks, sources = state.logits.shape
        number = min(max(_NUMBERS // (tasks * sources), 16), 4096)
        uniform = torch.rand(number, tasks, sources, generator=torch.Generator().manual_seed(0), device="cpu")
        noise = -(-uniform.clamp(1e-30, 1 - 1e-7).log()).log()
        logits = self._logits(state, noise.to(state.logits))
        return logits.masked_fill(state.closed, -torch.inf).softmax(-1).mean(0)

    def _mixture(self, dims: Dims, noise: Tensor, spread: Tensor | None) -> TaskMixture:
        state = _state(dims)
        return self._from(state, state.choice(self._logits(state, noise)), spread)

    def _from(self, state: MixtureState, logits: Tensor, spread: Tensor | None) -> TaskMixture:
        mean, sd = state.sources()
        if spread is None:
            extra = sd.new_full((1, 1, 1, 1), float(self.spread))
        else:
            extra = spread[..., None, None, None]
        wide = (sd.square() + extra.square()).sqrt()
        return TaskMixture(mean.unsqueeze(-4), wide, logits, self.kl)

    def derive(self, draws: Mapping[str, Tensor], dims: Dims) -> dict[str, Tensor]:
        """``alpha``, ``[draws, tasks, tasks]``: share of each task (column) in the prior of each (row)."""
        state, number = _state(dims), len(draws["weights"])
        if "alpha" in draws:
            return {}
        with torch.no_grad():
            noise = draws.get("alpha_noise", torch.zeros(number, 1, dims.tasks + 1))
            logits = self._logits(state, noise).masked_fill(state.closed, -torch.inf)
            alpha = logits.softmax(-1).nan_to_num(0.0)[..., :-1]  # a task alone has no open source
            return {"alpha": alpha.expand(number, dims.tasks, dims.tasks)}

    def relatedness(self, draws: Mapping[str, Tensor], dims: Dims) -> Tensor:
        """Share of one task in the other's prior, averaged over both directions; 1 on the diagonal."""
        return mutual_shares(draws["alpha"])

    def related_among(self, draws: Mapping[str, Tensor], dims: Dims, tasks: Tensor) -> Tensor:
        return mutual_shares(draws["alpha"][:, tasks][..., tasks])


def _state(dims: Dims) -> MixtureState:
    state = dims.state
    if not isinstance(state, MixtureState):
        raise InputError(
            message("dims", "the state of a GumbelSoftmax prior", type(state).__name__, "Use program.dims().")
        )
    return state
