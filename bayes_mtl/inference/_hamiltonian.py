"""Hamiltonian Monte Carlo for several chains in step, inside of other moves."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Density = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Log-density ``[chains]`` and gradient ``[chains, size]`` at ``[chains, size]``."""

_LEAST, _MOST = 7, 17  # leapfrog steps a trajectory of 80 numbers


@dataclass(eq=False)
class Hamiltonian:
    """Trajectories of random length with a diagonal mass matrix, adapted in the warm-up only.

    Parameters
    ----------
    size
        Numbers a chain.
    target_accept
        Acceptance rate to which the step size adapts.

    References
    ----------
    Neal, MCMC using Hamiltonian dynamics (2011); dual averaging: Hoffman and Gelman (JMLR 2014), section 3.2.
    """

    size: int
    target_accept: float
    step: float = 0.1
    accepted: float = 0.0
    diverged: int = 0
    _seen: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.variance = torch.ones(self.size, dtype=torch.float64)
        # Steps shrink with the fourth root of the size (Neal, section 4.4), trajectories stay as long.
        self.steps = [max(3, round(bound * min(1.0, self.size / 80) ** 0.25)) for bound in (_LEAST, _MOST)]
        self._restart()

    def _restart(self) -> None:
        self._center, self._count, self._error, self._log_mean = math.log(3 * self.step), 0, 0.0, 0.0

    def move(self, position: Tensor, density: Density) -> Tensor:
        """One trajectory from each chain's position."""
        sd = self.variance.sqrt()
        step = self.step * (0.8 + 0.4 * float(torch.rand(())))
        momentum = torch.randn_like(position)  # of position / sd
        value, gradient = density(position)
        start = value - 0.5 * momentum.square().sum(-1)
        end = position
        for _ in range(int(torch.randint(self.steps[0], self.steps[1] + 1, ()))):
            momentum = momentum + 0.5 * step * sd * gradient
            end = end + step * sd * momentum
            value, gradient = density(end)
            momentum = momentum + 0.5 * step * sd * gradient
        change = value - 0.5 * momentum.square().sum(-1) - start
        change = torch.where(torch.isfinite(change), change, -torch.inf)
        self.diverged = int((change < -1000).sum())
        probability = change.clamp_max(0.0).exp()
        self.accepted = float(probability.mean())
        accept = torch.rand_like(probability) < probability
        return torch.where(accept.unsqueeze(-1), end, position)

    def adapt(self, position: Tensor, done: float) -> None:
        """Learn from a move of the warm-up, of which the share ``done`` is over."""
        self._count += 1
        self._error += (self.target_accept - self.accepted - self._error) / (self._count + 10)
        log_step = self._center - math.sqrt(self._count) / 0.05 * self._error
        weight = self._count**-0.75
        self._log_mean += weight * (log_step - self._log_mean)
        self.step = math.exp(min(log_step, 1.0))
        if done > 0.15:
            self._seen.append(position)
        if done >= 1.0:
            self.step = math.exp(min(self._log_mean, 1.0))
        elif self._due(done):
            seen = torch.stack(self._seen)
            # Within chains: those that are still on their way to the others would make it too wide.
            variance, count = seen.var(0).mean(0), len(seen) * seen.shape[1]
            self.variance = (count * variance + 5e-3) / (count + 5)
            self._seen, self.step = [], math.exp(min(self._log_mean, 1.0))
            self._restart()

    def _due(self, done: float) -> bool:
        """Whether a window of the warm-up ends: at 35, 60 and 85 percent."""
        before, self._done = getattr(self, "_done", 0.0), done
        return len(self._seen) > 5 and any(before < share <= done for share in (0.35, 0.6, 0.85))
