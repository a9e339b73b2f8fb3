"""The loop of stochastic variational inference."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pyro import poutine
from torch import nn
from tqdm.auto import tqdm

from bayes_mtl._errors import FileError, NumericalError
from bayes_mtl._hidden import hidden
from bayes_mtl.data import Minibatches
from bayes_mtl.inference._arguments import arguments_of, draw_from
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._checkpoint import load_checkpoint, save_checkpoint
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._prefetched import Prefetched
from bayes_mtl.inference._processes import ALONE, Processes
from bayes_mtl.inference._steps import Steps
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._task_batches import TaskBatches
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.inference._unread import Unread
from bayes_mtl.inference._watch import Watch

_PLATEAU, _HELD_OUT = "plateau", "held-out data"
_WATCH = "watch/"
_REMEDY = "Lower the learning rate, or look at that site's prior and at extreme values in the data."


@dataclass
class Training:
    """What happened in the loop."""

    losses: list[float] = field(default_factory=list)
    stopped: str = "step limit"
    reductions: int = 0
    held_out: list[float] = field(default_factory=list)


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
    epoch: float = 1.0,
    progress: bool,
    compile: bool | Literal["auto"] = False,
    on_step: Callable[[int, float], object] | None = None,
    checkpoint: str | None = None,
    checkpoint_every: int = 500,
    fingerprint: str = "",
    network: TrainedNetwork | None = None,
    watch: Watch | None = None,
    processes: Processes = ALONE,
) -> Training:
    """Maximise the ELBO over the guide's and the program's parameters, in place.

    The learning rate falls by a factor of 3 at every plateau; after ``reductions`` of them the next
    plateau ends the training. An ``epoch`` has so many batches.

    Raises
    ------
    NumericalError
        Where the very first losses are not finite. Later the last good state is restored, with a warning.
    """
    window = plateau.steps(epoch)
    parts = Parts.of(program, guide, batches, particles, learning_rate, network)
    learned, optimiser, stepped = parts.learned, parts.optimiser, parts.batches
    training = Training()
    last = 0  # step after the newest change of the learning rate
    on_cpu = torch.get_default_device().type == "cpu"
    # While a GPU's graph is captured, no other thread may touch the GPU.
    ahead = on_cpu and isinstance(batches, Minibatches) and batches.stored
    source = Prefetched(stepped) if ahead else stepped
    if checkpoint is not None and _there(checkpoint, processes):
        sampler, state, training.losses = load_checkpoint(checkpoint, learned, optimiser, fingerprint)
        source.load_state({k: v for k, v in sampler.items() if not k.startswith(_WATCH)})
        if watch is not None:
            watch.load_state({k.removeprefix(_WATCH): v for k, v in sampler.items() if k.startswith(_WATCH)})
        training.reductions, training.stopped, last = state["reductions"], state["stopped"], state["last"]
    run = Steps(parts, compile=compile, steps=steps, network=network, processes=processes)

    def align() -> None:
        # Parameters are equal in all processes; running means of a network are of each one's own rows.
        if processes.several:
            learned.restore(processes.of_first(learned.tensors()))

    def save() -> None:
        if checkpoint is not None and processes.first:
            run.finish()
            state = {"reductions": training.reductions, "stopped": training.stopped, "last": last}
            sampler = dict(source.state())
            if watch is not None:
                sampler |= {f"{_WATCH}{name}": value for name, value in watch.state().items()}
            save_checkpoint(checkpoint, learned, optimiser, sampler, state, training.losses, fingerprint)

    # The block that makes tensors on the CPU slows every operation in it: only where it makes a difference.
    draw = source.draw if on_cpu else partial(draw_from, source)
    good = newest = learned.copy()
    bar = tqdm(
        total=steps,
        initial=len(training.losses),
        disable=not (progress and processes.first),
        desc="SVI",
        leave=False,
    )
    unread = Unread(together=on_step is None)

    def read() -> bool:
        """Take the losses of the steps since the last reading; False where one of them is not finite."""
        nonlocal good
        found, first = unread.read(), len(training.losses)
        bad = next((i for i, value in enumerate(found) if not math.isfinite(value)), None)
        if bad is None:
            # of before a step, and good only if that gives a finite loss
            good = newest
            training.losses.extend(found)
            unread.clear()
            return True
        good = newest if bad > 0 else good
        training.losses.extend(found[:bad])
        whole = dict(unread.drawn[bad])
        if isinstance(stepped, TaskBatches):
            whole = stepped.without_tasks(whole)
        site = _guilty_site(program, guide, arguments_of(batches, whole))
        if first + bad == 0:
            raise NumericalError(
                f"The loss is {found[bad]} at the first step, from the site '{site}'. {_REMEDY}"
            )
        learned.restore(good)
        training.stopped = f"loss not finite at step {first + bad}, site '{site}'"
        warnings.warn(f"SVI stopped: {training.stopped}. Kept the last good state. {_REMEDY}", stacklevel=4)
        return False

    try:
        while len(training.losses) < steps and training.stopped not in (_PLATEAU, _HELD_OUT):
            step = len(training.losses) + len(unread)
            drawn = draw()
            if step % window == 0:
                newest = learned.copy()
            unread.add(run(step, drawn, bar.set_description), drawn)
            bar.update()
            done = step + 1
            looks = watch is not None and watch.due(done)
            writes = done % checkpoint_every == 0 or done == steps
            if not (unread.due or looks or writes or done % window == 0):
                continue
            if not read():
                break
            if on_step is not None and processes.first:
                on_step(step, training.losses[-1])
            if done % window == 0:
                bar.set_postfix(loss=f"{sum(training.losses[-window:]) / window:.4g}")
                if plateau.reached(training.losses[last:], epoch):
                    if training.reductions == reductions:
                        training.stopped = _PLATEAU
                    else:
                        training.reductions += 1
                        last = done
                        for group in optimiser.param_groups:
                            group["lr"] /= 3.0
            if looks and watch is not None:
                align()
                if not watch.look(guide, learned):
                    training.stopped = _HELD_OUT
            if writes or training.stopped in (_PLATEAU, _HELD_OUT):
                save()
    except KeyboardInterrupt:
        training.stopped = "interrupted"
        if len(unread):
            read()
        if not training.losses or processes.several:  # the others would wait for this one
            raise
    finally:
        bar.close()
        if isinstance(source, Prefetched):
            source.close()
    align()
    if watch is not None:
        watch.finish(learned)
        training.held_out = watch.scores
    return training


def _there(checkpoint: str, processes: Processes) -> bool:
    """Whether a checkpoint is there to go on from, for all processes or for none."""
    there = Path(checkpoint).exists()
    (number,) = processes.total([torch.tensor(float(there))])
    if float(number) not in (0.0, float(processes.share.size)):
        raise FileError(
            f"The checkpoint '{checkpoint}' is there for some of the processes only. Put it on a file system "
            "that all machines see."
        )
    return there


def _guilty_site(program: Callable[..., Any], guide: nn.Module, arguments: tuple[Any, ...]) -> str:
    """Name of the first site whose log-density is not finite."""
    with torch.no_grad(), hidden():
        guide_trace = poutine.trace(guide).get_trace(*arguments)
        model_trace = poutine.trace(poutine.replay(program, trace=guide_trace)).get_trace(*arguments)
        for trace in (model_trace, guide_trace):
            trace.compute_log_prob()
            for name, site in trace.nodes.items():
                if site["type"] == "sample" and not torch.isfinite(site["log_prob_sum"]):
                    return str(name)
    return "unknown"
