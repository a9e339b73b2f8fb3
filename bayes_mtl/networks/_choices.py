"""Binary choices of each task, learned without a gradient through them."""

import math
from typing import Literal

import pyro
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from bayes_mtl._errors import InputError, message

Baseline = Literal["leave-one-out"] | None


class Choices(nn.Module):
    """``b[t, i] ~ Bernoulli(sigmoid(logits[t, i]))`` for each observation, by the score-function gradient.

    Parameters
    ----------
    tasks, choices
        Sizes.
    penalty
        Price of a choice: ``penalty / tasks * sum p`` is added to the mean loss.
    prior_inclusion
        Prior probability of each choice, in place of a penalty: the objective is then an evidence bound, with
        the divergence of ``Bernoulli(p)`` from it.
    baseline
        ``"leave-one-out"``: the mean log-likelihood of the task's other observations in the batch is
        subtracted, which leaves the gradient's mean and lowers its variance; None for none.
    """

    def __init__(
        self, tasks: int, choices: int, penalty: float, prior_inclusion: float | None, baseline: Baseline
    ) -> None:
        super().__init__()
        if penalty < 0 or (prior_inclusion is not None and not 0 < prior_inclusion < 1):
            raise InputError(
                message(
                    "penalty, prior_inclusion",
                    "a price of 0 or more, and None or a probability",
                    (penalty, prior_inclusion),
                    "Try penalty=0.01, or prior_inclusion=0.5.",
                )
            )
        if prior_inclusion is not None and penalty:
            raise InputError(
                message("penalty", "0 beside prior_inclusion, which is one itself", penalty, "Leave it out.")
            )
        if baseline not in ("leave-one-out", None):
            raise InputError(message("baseline", "'leave-one-out' or None", repr(baseline), "Choose one."))
        self.logits = nn.Parameter(torch.zeros(tasks, choices))
        self._penalty, self._prior, self._baseline = penalty, prior_inclusion, baseline

    def probabilities(self) -> Tensor:
        """``[tasks, choices]``."""
        return self.logits.sigmoid()

    def draw(self, task: Tensor) -> Tensor:
        """Choices of each observation, ``[observations, choices]`` bool."""
        probability = self.probabilities().detach().index_select(0, task)
        return torch.rand_like(probability) < probability

    def most_probable(self) -> Tensor:
        """The ``k(t) = round(sum_i p[t, i])`` most probable choices of each task, one at least; bool."""
        probability = self.probabilities().detach()
        number = probability.sum(-1, keepdim=True).round().clamp(min=1.0)
        rank = probability.argsort(dim=-1, descending=True, stable=True).argsort(-1)
        return rank < number

    def price(self, scale: Tensor) -> None:
        """Add the price of the choices to the objective; ``scale`` has the weights of the observations."""
        probability = self.probabilities()
        if self._prior is not None:
            on = logsigmoid(self.logits) - math.log(self._prior)
            off = logsigmoid(-self.logits) - math.log1p(-self._prior)
            divergence = probability * on + (1.0 - probability) * off
            pyro.factor("network.choices", -divergence.sum())
        elif self._penalty:
            pyro.factor(
                "network.choices", -self._penalty * scale.sum() / len(self.logits) * probability.sum()
            )

    def score(self, chosen: Tensor, task: Tensor, log_likelihood: Tensor) -> Tensor:
        """Terms of value 0 whose gradient is that of the expectation over choices.

        Parameters
        ----------
        chosen
            ``[observations, choices]``: what was drawn.
        task
            ``[observations]``.
        log_likelihood
            ``[..., observations]``.
        """
        logits = self.logits.index_select(0, task)
        log = torch.where(chosen, logsigmoid(logits), logsigmoid(-logits)).sum(-1)
        gain = log_likelihood.detach()
        if self._baseline is not None:
            gain = gain - self._others(gain, task)
        return gain * (log - log.detach())

    def _others(self, gain: Tensor, task: Tensor) -> Tensor:
        """Mean over the other observations of the same task; 0 where there is none."""
        tasks = len(self.logits)
        sums = gain.new_zeros(*gain.shape[:-1], tasks).index_add(-1, task, gain)
        number = gain.new_zeros(tasks).index_add(0, task, torch.ones_like(task, dtype=gain.dtype))
        others = number.index_select(0, task) - 1.0
        return (sums.index_select(-1, task) - gain) * (others > 0) / others.clamp(min=1.0)
