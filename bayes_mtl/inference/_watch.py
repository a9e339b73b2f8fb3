"""Evaluations of held-out data during a training."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl._seed import seeded
from bayes_mtl.inference._guided import guided_draws
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._validation import Validation
from bayes_mtl.model import Program
from bayes_mtl.posterior import log_likelihood
from bayes_mtl.posterior._request import request_of_data
from bayes_mtl.priors import at_draws

_WORST = -1e30
"""Score of a state that gives a target no density at all."""


class Watch:
    """Keeps the state of a training that predicts held-out data best.

    Parameters
    ----------
    settings
        Data, and how often.
    program
        Of the model.
    device
        Of the training.

    Attributes
    ----------
    scores
        Mean log predictive density at each evaluation.
    """

    def __init__(self, settings: Validation, program: Program, device: torch.device) -> None:
        self._settings, self._program = settings, program
        self._batch = request_of_data(program, settings.data).batch.to(device, torch.float32)
        self._best: dict[str, Tensor] = {}
        self.scores: list[float] = []

    def due(self, done: int) -> bool:
        """Whether an evaluation comes after ``done`` steps."""
        return done % self._settings.every == 0

    def look(self, guide: Callable[..., Any], learned: Learned) -> bool:
        """Evaluate, and keep the state if it is the best; whether the training should go on."""
        score = self._score(guide)
        if not self.scores or score > max(self.scores):
            self._best = learned.copy()
        self.scores.append(score)
        return len(self.scores) - 1 - self.scores.index(max(self.scores)) < self._settings.patience

    def finish(self, learned: Learned) -> None:
        """Put the best state back."""
        if self.scores:
            learned.restore(self._best)

    def state(self) -> dict[str, Tensor]:
        """All that `load_state` needs."""
        kept = {f"best/{name}": value for name, value in self._best.items()}
        return {"scores": torch.tensor(self.scores, dtype=torch.float64), **kept}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved state."""
        self.scores = state["scores"].tolist()
        self._best = {k.removeprefix("best/"): v for k, v in state.items() if k != "scores"}

    def _score(self, guide: Callable[..., Any]) -> float:
        program, number = self._program, self._settings.draws
        with seeded(0), torch.no_grad(), _evaluating(program):
            draws, _ = guided_draws(program.latents, guide, (self._batch,), number)
            if "weights" not in draws or len(program.kinds) > 1:
                weights = at_draws(lambda: program.weights(program.task_features), draws)
                draws["weights"] = weights.expand(number, *weights.shape[-3:])
            log = log_likelihood(program, draws, self._batch)
        score = float((log.logsumexp(0) - math.log(number)).mean())
        return score if math.isfinite(score) else _WORST


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """In evaluation mode, each part back in its own after it."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
