"""Everything that a step of Adam reads and changes, as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayes_mtl.inference._decay import DECAY
from bayes_mtl.inference._learned import Learned


@dataclass(frozen=True, eq=False)
class StepState:
    """All tensors that a step changes, in place.

    Attributes
    ----------
    parameters, buffers
        Of guide and program.
    first, second
        Adam's running moments of each parameter.
    count
        Steps done.
    rates
        Learning rate of each parameter.
    decays
        Weight decay of each parameter, see `decay_weights`.
    """

    parameters: list[Tensor]
    buffers: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    count: Tensor
    rates: list[Tensor]
    decays: tuple[float, ...]

    def flat(self) -> list[Tensor]:
        """One after the other."""
        return [*self.parameters, *self.buffers, *self.first, *self.second, self.count, *self.rates]

    def like(self, flat: Sequence[Tensor]) -> "StepState":
        """The tensors of `flat` in their places again."""
        left = iter(flat)

        def like(own: list[Tensor]) -> list[Tensor]:
            return [next(left) for _ in own]

        return StepState(
            parameters=like(self.parameters),
            buffers=like(self.buffers),
            first=like(self.first),
            second=like(self.second),
            count=next(left),
            rates=like(self.rates),
            decays=self.decays,
        )

    @classmethod
    def of(cls, learned: Learned, optimiser: torch.optim.Adam) -> "StepState":
        """The state in place: the same tensors that modules and optimiser hold."""
        parameters, rates, decays = [], [], []
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                entry = optimiser.state[parameter]
                if not entry:
                    entry["step"] = torch.zeros((), device=parameter.device)
                    entry["exp_avg"] = torch.zeros_like(parameter)
                    entry["exp_avg_sq"] = torch.zeros_like(parameter)
                parameters.append(parameter)
                rates.append(torch.tensor(group["lr"], device=parameter.device))
                decays.append(float(group.get(DECAY, 0.0)))
        own = {id(parameter) for parameter in parameters}
        buffers = {id(value): value for value in learned.tensors().values() if id(value) not in own}
        entries = [optimiser.state[parameter] for parameter in parameters]
        return cls(
            parameters=parameters,
            buffers=list(buffers.values()),
            first=[entry["exp_avg"] for entry in entries],
            second=[entry["exp_avg_sq"] for entry in entries],
            count=entries[0]["step"].detach().clone(),
            rates=rates,
            decays=tuple(decays),
        )

    def follow(self, optimiser: torch.optim.Adam) -> None:
        """Take over the optimiser's learning rates."""
        left = iter(self.rates)
        for group in optimiser.param_groups:
            for _ in group["params"]:
                next(left).fill_(group["lr"])

    def adam(self, gradients: Sequence[Tensor | None], finite: Tensor) -> None:
        """Adam as torch's own does it; a loss that is not finite changes nothing."""
        self.count.add_(finite.to(self.count.dtype))
        first, second = 1.0 - 0.9**self.count, (1.0 - 0.999**self.count).sqrt()
        for value, gradient, m, v, rate, decay in zip(
            self.parameters, gradients, self.first, self.second, self.rates, self.decays, strict=True
        ):
            if gradient is None:
                continue
            m_next = torch.lerp(m, gradient, 0.1)
            v_next = 0.999 * v + 0.001 * gradient.square()
            kept = value * (1.0 - rate * decay) if decay else value
            moved = kept - rate / first * m_next / (v_next.sqrt() / second + 1e-8)
            for old, new in ((value, moved), (m, m_next), (v, v_next)):
                old.copy_(torch.where(finite, new, old))
