"""Everything that a step of Adam reads and changes, as tensors."""

import math
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
    corrections
        Of Adam's moments at the next step, see `_corrections`. They are made ahead: a compiled step would
        make its own for every few parameters again.
    rates
        Learning rate of each parameter.
    decays
        Weight decay of each parameter, see `decay_weights`.
    by_task
        Whether a parameter has an entry for each task, of which a step moves those of its batch alone.
    visits
        ``[tasks]``: steps that each task took part in; None where every step moves all.
    """

    parameters: list[Tensor]
    buffers: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    count: Tensor
    corrections: list[Tensor]
    rates: list[Tensor]
    decays: tuple[float, ...]
    by_task: tuple[bool, ...]
    visits: Tensor | None = None

    def flat(self) -> list[Tensor]:
        """One after the other."""
        visits = [] if self.visits is None else [self.visits]
        moments = [*self.first, *self.second, self.count, *self.corrections]
        return [*self.parameters, *self.buffers, *moments, *self.rates, *visits]

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
            corrections=like(self.corrections),
            rates=like(self.rates),
            decays=self.decays,
            by_task=self.by_task,
            visits=None if self.visits is None else next(left),
        )

    def detached(self) -> "StepState":
        """The same tensors, to be changed in place beside a gradient."""
        return self.like([value.detach() for value in self.flat()])

    def hand_back(self, optimiser: torch.optim.Adam) -> None:
        """Write the count of steps into the optimiser."""
        for entry in optimiser.state.values():
            entry["step"].copy_(self.count)

    def leaves(self, members: Tensor | None) -> list[Tensor]:
        """What gradients are taken of: the parameters, of those by task the entries of ``members``."""
        rows = [
            value.detach().index_select(0, members) if own and members is not None else value.detach()
            for value, own in zip(self.parameters, self.by_task, strict=True)
        ]
        return [value.requires_grad_() for value in rows]

    @classmethod
    def of(
        cls,
        learned: Learned,
        optimiser: torch.optim.Adam,
        by_task: Sequence[Tensor] = (),
        visits: Tensor | None = None,
    ) -> "StepState":
        """The state in place: the same tensors that modules and optimiser hold.

        Parameters
        ----------
        by_task, visits
            Parameters with an entry for each task, and the buffer that counts the tasks' steps.
        """
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
        own = {id(parameter) for parameter in parameters} | {id(visits)}
        of_tasks = {id(parameter) for parameter in by_task}
        buffers = {id(value): value for value in learned.tensors().values() if id(value) not in own}
        entries = [optimiser.state[parameter] for parameter in parameters]
        count = entries[0]["step"].detach().clone()
        return cls(
            parameters=parameters,
            buffers=list(buffers.values()),
            first=[entry["exp_avg"] for entry in entries],
            second=[entry["exp_avg_sq"] for entry in entries],
            count=count,
            corrections=_ahead(count),
            rates=rates,
            decays=tuple(decays),
            by_task=tuple(id(parameter) in of_tasks for parameter in parameters),
            visits=visits,
        )

    def follow(self, optimiser: torch.optim.Adam) -> None:
        """Take over the optimiser's learning rates."""
        left = iter(self.rates)
        for group in optimiser.param_groups:
            for _ in group["params"]:
                next(left).fill_(group["lr"])

    def adam(
        self,
        gradients: Sequence[Tensor | None],
        finite: Tensor,
        members: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> None:
        """Adam as torch's own does it; a loss that is not finite changes nothing.

        Parameters
        ----------
        members, weight
            The batch's tasks, each once, and their weights: where that is 0, a task's entries stay as they
            are. A task's moments know of its own steps only, and so does the correction of their start.
        """
        own, visited = finite, self.corrections
        if members is not None and weight is not None and self.visits is not None:
            own = finite & (weight > 0)
            visits = self.visits.index_select(0, members) + own.to(self.visits.dtype)
            self.visits.index_copy_(0, members, visits)
            visited = [*_corrections(visits.clamp(min=1.0))]
        for i, gradient in enumerate(gradients):
            if gradient is None:
                continue
            wholes = (self.parameters[i], self.first[i], self.second[i])
            settings = self.rates[i], self.decays[i]
            if not self.by_task[i] or members is None:
                news = _adam(*wholes, gradient, *settings, *self.corrections)
                for old, new in zip(wholes, news, strict=True):
                    old.copy_(torch.where(finite, new, old))
                continue
            tail = (-1, *[1] * (gradient.dim() - 1))
            first, second = visited[0].reshape(tail), visited[1].reshape(tail)
            value, m, v = (whole.index_select(0, members) for whole in wholes)
            news = _adam(value, m, v, gradient, *settings, first, second)
            for whole, old, new in zip(wholes, (value, m, v), news, strict=True):
                whole.index_copy_(0, members, torch.where(own.reshape(tail), new, old))
        self.count.add_(finite.to(self.count.dtype))
        for kept, new in zip(self.corrections, _ahead(self.count), strict=True):
            kept.copy_(new)


def _ahead(count: Tensor) -> list[Tensor]:
    """Corrections of the step after ``count``, in float64 first: the same float32 whoever calculates them."""
    return [value.to(count.dtype) for value in _corrections(count.double() + 1.0)]


def _corrections(count: Tensor) -> tuple[Tensor, Tensor]:
    """What Adam's moments are multiplied by, which start at 0: of gradients, and of the root of squares."""
    first, second = (-torch.expm1(count * math.log(decay)) for decay in (0.9, 0.999))
    return 1.0 / first, second.rsqrt()


def _adam(
    value: Tensor,
    m: Tensor,
    v: Tensor,
    gradient: Tensor,
    rate: Tensor,
    decay: float,
    first: Tensor,
    second: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Value and moments after a step."""
    m_next = torch.lerp(m, gradient, 0.1)
    v_next = 0.999 * v + 0.001 * gradient.square()
    kept = value * (1.0 - rate * decay) if decay else value
    return kept - rate * first * m_next / (v_next.sqrt() * second + 1e-8), m_next, v_next
