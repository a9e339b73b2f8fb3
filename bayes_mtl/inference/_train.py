"""The loop of stochastic variational inference."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import nn
from tqdm.auto import tqdm

from bayes_mtl._errors import NumericalError
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._checkpoint import load_checkpoint, save_checkpoint
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._prior_guide import renew
from bayes_mtl.inference._stopping import Plateau

_PLATEAU = "plateau"
_REMEDY = "Lower the learning rate, or look at that site's prior and at extreme values in the data."


@dataclass
class Training:
    """What happened in the loop."""

    losses: list[float] = field(default_factory=list)
    stopped: str = "step limit"
    reductions: int = 0


def train(
    program: Callable[..., Any],
    guide: nn.Module,
    batches: Batches,
    *,
    steps: int,
    particles: int,
    learning_rate: float,
    reductions: int,
    plateau: Plateau,
    progress: bool,
    on_step: Callable[[int, float], object] | None = None,
    checkpoint: str | None = None,
    checkpoint_every: int = 500,
    fingerprint: str = "",
) -> Training:
    """Maximise the ELBO over the guide's and the program's parameters, in place.

    The learning rate falls by a factor of 3 at every plateau; after ``reductions`` of them the next
    plateau ends the training.

    Raises
    ------
    NumericalError
        Where the very first losses are not finite. Later the last good state is restored, with a warning.
    """
    elbo = Trace_ELBO(particles, max_plate_nesting=1, vectorize_particles=particles > 1)
    learned = Learned(program, guide, arguments_of(batches))
    optimiser = torch.optim.Adam(learned.groups(), lr=learning_rate, fused=True)
    training = Training()
    last = 0  # step after the newest change of the learning rate
    if checkpoint is not None and Path(checkpoint).exists():
        sampler, state, training.losses = load_checkpoint(checkpoint, learned, optimiser, fingerprint)
        batches.load_state(sampler)
        training.reductions, training.stopped, last = state["reductions"], state["stopped"], state["last"]

    def save() -> None:
        if checkpoint is not None:
            state = {"reductions": training.reductions, "stopped": training.stopped, "last": last}
            save_checkpoint(
                checkpoint, learned, optimiser, batches.state(), state, training.losses, fingerprint
            )

    good = learned.copy()
    bar = tqdm(total=steps, initial=len(training.losses), disable=not progress, desc="SVI", leave=False)
    try:
        while len(training.losses) < steps and training.stopped != _PLATEAU:
            step = len(training.losses)
            arguments = arguments_of(batches)
            optimiser.zero_grad()
            loss = elbo.differentiable_loss(program, guide, *arguments)
            loss.backward()
            value = float(loss.detach())
            if not math.isfinite(value):
                site = _guilty_site(program, guide, arguments)
                if step == 0:
                    raise NumericalError(
                        f"The loss is {value} at the first step, from the site '{site}'. {_REMEDY}"
                    )
                learned.restore(good)
                training.stopped = f"loss not finite at step {step}, site '{site}'"
                warnings.warn(
                    f"SVI stopped: {training.stopped}. Kept the last good state. {_REMEDY}", stacklevel=3
                )
                break
            if step % plateau.window == 0:
                good = learned.copy()  # before the step: what gave a finite loss
            optimiser.step()
            training.losses.append(value)
            for module in (guide, program):
                renew(module)
            bar.update()
            if on_step is not None:
                on_step(step, value)
            done = step + 1
            if done % plateau.window == 0:
                bar.set_postfix(loss=f"{sum(training.losses[-plateau.window :]) / plateau.window:.4g}")
                if plateau.reached(training.losses[last:]):
                    if training.reductions == reductions:
                        training.stopped = _PLATEAU
                    else:
                        training.reductions += 1
                        last = done
                        for group in optimiser.param_groups:
                            group["lr"] /= 3.0
            if done % checkpoint_every == 0 or done == steps or training.stopped == _PLATEAU:
                save()
    except KeyboardInterrupt:
        if not training.losses:
            raise
        training.stopped = "interrupted"
    finally:
        bar.close()
    return training


_PLATEAU = "plateau"
_REMEDY = "Lower the learning rate, or look at that site's prior and at extreme values in the data."


def arguments_of(batches: Batches) -> tuple[Any, ...]:
    """Arguments of the next step."""
    with torch.device("cpu"):  # where batches are put together, whatever the device of the step
        found = batches.next()
    return found if isinstance(found, tuple) else (found,)


def _guilty_site(program: Callable[..., Any], guide: nn.Module, arguments: tuple[Any, ...]) -> str:
    """Name of the first site whose log-density is not finite."""
    with torch.no_grad(), poutine.block():
        guide_trace = poutine.trace(guide).get_trace(*arguments)
        model_trace = poutine.trace(poutine.replay(program, trace=guide_trace)).get_trace(*arguments)
        for trace in (model_trace, guide_trace):
            trace.compute_log_prob()
            for name, site in trace.nodes.items():
                if site["type"] == "sample" and not torch.isfinite(site["log_prob_sum"]):
                    return str(name)
    return "unknown"
