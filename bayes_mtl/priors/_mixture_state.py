"""What the Gumbel-softmax prior keeps outside of its sites."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from bayes_mtl._shapes import Dims
from bayes_mtl.distributions._open_sources import open_sources
from bayes_mtl.priors._amortised_moments import AmortisedMoments

_FIRST_SPREAD = 0.1
"""Of the first means, in standard deviations of the base: at the same place, no source would be preferred."""


class MixtureState(nn.Module):
    """Moments of every source's weights after the previous step, and whom each task may draw from.

    The sources are the tasks, and the base prior in the last place. A task never draws from itself. The base
    is open where no task is (one task alone; a class that no other task has seen), or always with ``alone``.

    Parameters
    ----------
    dims
        Sizes; ``seen`` says which classes a task has data for.
    base_scale
        Standard deviation of the base prior, whose mean is zero.
    alone
        Whether the base is one of the sources that a task chooses from.
    amortised
        Width of the hidden layer of the network that makes the tasks' moments; 0 where there is none.

    Attributes
    ----------
    logits
        ``[tasks, tasks + 1]``: what is learned of the choice, row by row.
    mean, sd
        ``[tasks, features, outputs]``.
    seen
        ``[tasks, outputs]``.
    closed
        ``[tasks, tasks + 1]``: sources that a task may not draw from.
    steps
        Steps of the training done.
    frozen
        How many of the tasks, the first ones, keep their moments.
    """

    logits: nn.Parameter
    mean: Tensor
    sd: Tensor
    seen: Tensor
    closed: Tensor
    steps: Tensor

    def __init__(self, dims: Dims, base_scale: float, alone: bool, amortised: int = 0) -> None:
        super().__init__()
        tasks, shape = dims.tasks, (dims.tasks, *dims.weights)
        generator = torch.Generator().manual_seed(0)
        self.base_scale, self.alone = base_scale, alone
        self.logits = nn.Parameter(torch.zeros(tasks, tasks + 1))
        first = _FIRST_SPREAD * base_scale * torch.randn(shape, generator=generator, device="cpu")
        self.register_buffer("mean", first)
        self.register_buffer("sd", torch.full(shape, base_scale))
        seen = torch.ones(tasks, dims.outputs, dtype=torch.bool)
        self.register_buffer("seen", seen if dims.seen is None else dims.seen[:, : dims.outputs].clone())
        itself = torch.eye(tasks, tasks + 1, dtype=torch.bool)
        itself[:, -1] = not alone
        self.register_buffer("closed", itself)
        self.register_buffer("steps", torch.zeros(()))
        self.amortised = AmortisedMoments(dims, amortised) if amortised else None
        self._hidden = amortised
        self.frozen = 0

    def refresh(self, mean: Tensor, sd: Tensor) -> None:
        """Take over the moments after a step."""
        with torch.no_grad():
            self.mean.copy_(mean)
            self.sd.copy_(sd)
            self.steps.add_(1.0)

    def with_tasks(self, dims: Dims, new: Dims, shares: Tensor) -> "MixtureState":
        """The same, with new tasks that draw from the fitted ones and from which none draws.

        They start at the average that `average` makes of ``shares``.
        """
        old, device = dims.tasks, self.mean.device
        every = replace(dims, tasks=old + new.tasks, all_tasks=0, seen=None, state=None)
        state = MixtureState(every, self.base_scale, self.alone, self._hidden).to(device)
        start = (self.average(shares).exp().unsqueeze(-2) * self.sources()[0].unsqueeze(0)).sum(-3)
        with torch.no_grad():
            state.logits[:old, :old], state.logits[:old, -1] = self.logits[:, :old], self.logits[:, -1]
            state.mean.copy_(torch.cat([self.mean, start.expand(new.tasks, -1, -1)]))
            state.sd[:old] = self.sd
            state.seen[:old] = self.seen
            if new.seen is not None:
                state.seen[old:] = new.seen[:, : dims.outputs].to(device)
            state.closed[:, old:-1] = True
            state.closed[:old, :old] = self.closed[:, :old]
            state.steps.copy_(self.steps)
        if state.amortised is not None and self.amortised is not None:
            state.amortised.requires_grad_(False)
            state.amortised.layers.load_state_dict(self.amortised.layers.state_dict())
        state.frozen = old
        return state

    def sources(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of all sources, ``[tasks + 1, features, outputs]``."""
        base = torch.zeros_like(self.mean[:1])
        return torch.cat([self.mean, base]), torch.cat([self.sd, base + self.base_scale])

    def choice(self, logits: Tensor) -> Tensor:
        """Log weights of the open sources, ``[..., tasks, sources, outputs]``."""
        return open_sources(logits, self.closed, self.seen)

    def average(self, shares: Tensor) -> Tensor:
        """Log weights of the sources of a task that was not fitted, ``[1, sources, outputs]``.

        The average over the fitted tasks; of a single one, all of it.

        Parameters
        ----------
        shares
            ``[tasks, sources]``: expected share of each source in each task's prior.
        """
        # one task draws from nothing but the base
        share = torch.ones_like(shares) if len(self.closed) == 1 else shares.mean(0, keepdim=True)
        closed = torch.zeros_like(self.closed[:1])
        closed[:, -1] = not self.alone
        return open_sources(share.clamp_min(torch.finfo(share.dtype).tiny).log(), closed, self.seen)
