"""The guide of the Gumbel-softmax prior: independent Gaussians, which become the next step's prior."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pyro
import torch
from pyro.distributions import Delta, Distribution, Normal, TransformedDistribution
from torch import Tensor, nn
from torch.distributions import biject_to

from bayes_mtl._shapes import Dims
from bayes_mtl.distributions import TaskMixture
from bayes_mtl.priors._mixture_state import MixtureState

if TYPE_CHECKING:
    from bayes_mtl.data import Batch

_FIRST_SD, _FIRST_SPREAD, _FIRST_SPREAD_SD = 0.1, 0.3, 0.1


class MixtureGuide(nn.Module):
    """``q(W[t]) = prod_c N(loc[t, :, c], diag sd[t, :, c]^2)``; for a class that a task never saw, its prior.

    Parameters
    ----------
    dims
        Sizes.
    state
        The prior's.
    start
        Where the means start, ``[tasks, features, outputs]``.
    spread
        Prior of the spread, or None where it is no unknown.
    noise
        Samples the noise of the choice of sources, as the prior's program does.
    prior
        The prior of the weights, given that noise and the spread.
    design
        Features of a batch, for moments that are made of them.
    """

    def __init__(
        self,
        dims: Dims,
        state: MixtureState,
        start: Tensor | None,
        spread: Distribution | None,
        noise: Callable[[Dims], Tensor],
        prior: Callable[[Dims, Tensor, Tensor | None], TaskMixture],
        design: "Callable[[Batch], Tensor]",
    ) -> None:
        super().__init__()
        # Not as a submodule: it belongs to the program, whose parameters are trained already.
        self._of_program = (dims, state)
        self._noise, self._prior, self._design = noise, prior, design
        new = state.mean[state.frozen :]
        if start is None:
            start = new if state.frozen else torch.zeros_like(new)
        if state.amortised is None:
            self.loc = nn.Parameter(start.to(new).clone())
            self.log_sd = nn.Parameter(torch.full_like(new, _FIRST_SD).log())
        self._unseen = None if bool(state.seen.all()) else ~state.seen
        self._transform = None if spread is None else biject_to(spread.support)
        if self._transform is not None:
            first = self._transform.inv(torch.tensor(_FIRST_SPREAD, device=new.device))
            self.spread_loc = nn.Parameter(first.clone())
            self.spread_log_sd = nn.Parameter(torch.full_like(first, _FIRST_SPREAD_SD).log())

    def forward(self, batch: "Batch") -> None:
        """Sample the prior's sites."""
        dims, state = self._of_program
        if state.amortised is not None:
            state.amortised.update(self._design(batch).detach(), batch)
        spread = None
        if self._transform is not None:
            normal = Normal(self.spread_loc, self.spread_log_sd.exp())
            spread = pyro.sample("spread", TransformedDistribution(normal, [self._transform]))
        choice = self._noise(dims)
        loc, log_sd = self._moments()
        with dims.plate():
            zero = torch.zeros_like(loc[0])
            white = pyro.sample(
                "_weights_white", Normal(zero, zero + 1.0).to_event(2), infer={"is_auxiliary": True}
            )
            value = loc + log_sd.exp() * white
            density = -log_sd.sum(-2)
            if self._unseen is not None:
                mixture = self._prior(dims, choice, spread)
                drawn = mixture.from_noise(white)
                value = torch.where(self._unseen.unsqueeze(-2), drawn, value)
                # in place of the noise, whose density the site above has
                instead = mixture.output_log_prob(drawn) - Normal(zero, zero + 1.0).log_prob(white).sum(-2)
                density = torch.where(self._unseen, instead, density)
            density = density.sum(-1)
            pyro.sample("weights", Delta(value, log_density=density, event_dim=2))

    def after_step(self) -> None:
        """The moments become those of the other tasks' prior, detached."""
        loc, log_sd = self._moments()
        self._of_program[1].refresh(loc, log_sd.exp())

    def _moments(self) -> tuple[Tensor, Tensor]:
        """Means and log standard deviations of all tasks."""
        state, old = self._of_program[1], self._of_program[1].frozen
        if state.amortised is None:
            loc, log_sd = self.loc, self.log_sd
        else:
            loc, log_sd = (value[old:] for value in state.amortised())
        return torch.cat([state.mean[:old], loc]), torch.cat([state.sd[:old].log(), log_sd])


def start_of(values: Mapping[str, Tensor], dims: Dims) -> Tensor | None:
    """Starting weights, where there are any of the right shape."""
    found = values.get("weights")
    return found if found is not None and found.shape == (dims.tasks, *dims.weights) else None
