"""Whether the training had come to an end."""

from dataclasses import dataclass

import numpy as np

from bayes_mtl.diagnostics._finding import Finding
from bayes_mtl.diagnostics._latents import unknowns
from bayes_mtl.diagnostics._outcome import Outcome
from bayes_mtl.diagnostics._psis import LARGE, SMALL
from bayes_mtl.posterior import Posterior

_BATCHES = 10
_LONGEST, _SHORTEST = 1000, 50
_ERRORS = 3.0
"""Standard errors a slope must differ from 0: by chance once in 60 times with ten batch means."""
_LEAST = 1.0
"""Nats per 1,000 steps: a difference of one nat in log-probability is hardly worth mentioning."""
_CALM = ("converged", "finished", "plateau")
_HELD_OUT = "held-out data"


@dataclass(frozen=True)
class Slope:
    """Trend of the loss: nats per 1,000 steps over the last ``window`` steps, and its standard error."""

    rate: float
    error: float
    window: int

    def matters(self, size: int, off: float = SMALL) -> bool:
        """Whether the loss moves, beyond its noise, by as much as standard deviations being ``off``.

        A Gaussian whose standard deviation is wrong by a small fraction ``d`` costs ``d^2`` nats, and those
        of the ``size`` unknowns add up: the scale on which `mismatch` judges the approximation.
        """
        return abs(self.rate) > max(_ERRORS * self.error, _LEAST, size * off**2)


def slope(losses: np.ndarray) -> Slope | None:
    """Trend of the end of a training: the last third, 50 to 1,000 steps; None where there are fewer.

    A line is fitted to the means of ten batches, since losses of neighbouring steps are correlated and
    short batch means are much less so.
    """
    window = min(len(losses), max(_SHORTEST, min(len(losses) // 3, _LONGEST))) // _BATCHES * _BATCHES
    if window < _SHORTEST:
        return None
    means = losses[-window:].reshape(_BATCHES, -1).mean(1)
    at = (np.arange(_BATCHES) - (_BATCHES - 1) / 2) * (window / _BATCHES)
    squares = float(at @ at)
    rate = float(at @ means) / squares
    rest = means - means.mean() - rate * at
    error = float(np.sqrt(rest @ rest / (_BATCHES - 2) / squares))
    return Slope(1000 * rate, 1000 * error, window)


def check_elbo(posterior: Posterior) -> Outcome | None:
    """Why the training stopped, and whether the loss was still moving; None where nothing was trained."""
    record = posterior.record
    losses, stopped = np.asarray(record.losses, dtype=np.float64), record.stopped
    if not len(losses):
        return None
    by_steps = _by_steps(record.method, record.settings, stopped)
    looked = f"training: {len(losses):,} {'steps' if by_steps else 'evaluations'}, stopped: {stopped}"
    if not np.isfinite(losses).all() or "not finite" in stopped:
        return Outcome(looked, (_broken(stopped),))
    if stopped == _HELD_OUT:
        return Outcome(f"{looked}; the state that predicted these best was kept", ())
    if not by_steps:
        return Outcome(looked, () if stopped in _CALM else (_optimiser(stopped),))
    trend = slope(losses)
    if trend is None:
        return Outcome(looked, (_too_few(len(losses)),))
    size = unknowns(posterior) or posterior.draws["weights"][0].numel()
    if not trend.matters(size):
        return Outcome(
            f"{looked}; at its end the loss was level",
            () if stopped in _CALM else (_level(stopped, len(losses)),),
        )
    looked += f"; at its end the loss changed by {trend.rate:+,.0f} nats per 1,000 steps"
    if trend.rate > 0:
        return Outcome(looked, (_rising(trend),))
    return Outcome(looked, (_falling(trend, stopped, len(losses), trend.matters(size, LARGE)),))


def _by_steps(method: str, settings: dict[str, str], stopped: str) -> bool:
    """Whether the losses are those of stochastic steps, not of an optimiser's evaluations."""
    return (
        "SVI" in method
        or stopped in ("plateau", "step limit", "interrupted", _HELD_OUT)
        or "steps" in settings
    )


def _broken(stopped: str) -> Finding:
    return Finding(
        "serious",
        "The training broke down",
        f"Stopped: {stopped}. The posterior is the last good state before that, not the end of a training.",
        "Lower the learning rate (SVI(learning_rate=0.005)); look for extreme values in the data, and at the "
        "prior of the site named above.",
    )


def _optimiser(stopped: str) -> Finding:
    return Finding(
        "warning",
        "The optimiser did not reach the mode",
        f"It stopped with: {stopped}. The hyperparameters may be off, and intervals around them too.",
        "(1) more iterations: MAP(iterations=5000); (2) Collapsed(hyperparameters=NUTS()) where the "
        "likelihood is Gaussian; (3) a tighter prior on scales that the data cannot tell.",
    )


def _too_few(steps: int) -> Finding:
    return Finding(
        "serious",
        f"The training had hardly begun ({steps} steps)",
        "The posterior is little more than the starting values.",
        "Train longer: leave SVI(steps=...) at its default; the plateau rule ends the training by itself.",
    )


def _falling(trend: Slope, stopped: str, steps: int, much: bool) -> Finding:
    if stopped == "plateau":
        remedy = "Ask for a longer plateau, SVI(plateau=Plateau(window=5000)), or a higher learning_rate."
    elif stopped == "interrupted":
        remedy = "Let it run to its end; checkpoint='file' lets it go on from where it stopped."
    else:
        more = f"{_round(4 * steps):,}".replace(",", "_")
        remedy = f"Train longer: SVI(steps={more}) or more; the plateau rule ends it earlier by itself."
    return Finding(
        "serious" if much else "warning",
        "The training had not converged",
        f"When it stopped ({stopped}, {steps:,} steps) the loss still fell by about {-trend.rate:,.0f} "
        f"nats (units of log-probability) per 1,000 steps, standard error {trend.error:,.0f}. Weights may "
        "still be on their way, and intervals too narrow or too wide.",
        remedy,
    )


def _rising(trend: Slope) -> Finding:
    return Finding(
        "warning",
        "The loss went up at the end of the training",
        f"Over the last {trend.window:,} steps it rose by about {trend.rate:,.0f} nats per 1,000 steps "
        f"(standard error {trend.error:,.0f}): the steps are too long, or too noisy.",
        "Lower the learning rate, take larger batches (batch_size=), or more particles.",
    )


def _level(stopped: str, steps: int) -> Finding:
    return Finding(
        "note",
        "The training was cut short, but its loss was level",
        f"It stopped after {steps:,} steps ({stopped}), before the plateau rule had lowered the learning "
        "rate to its end; the loss no longer fell.",
        "More steps, if the other findings give reason to.",
    )


def _round(steps: int) -> int:
    """Up to one leading digit, at least 1,000."""
    size = 10 ** max(len(str(steps)) - 1, 3)
    return -(-steps // size) * size
