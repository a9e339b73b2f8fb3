"""Stochastic variational inference."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from pyro.infer.autoguide import AutoGuide
from pyro.infer.autoguide.initialization import InitMessenger
from torch import Tensor, nn

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import AbstractSchedule, TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._all_log_likelihood import all_log_likelihood
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._fingerprint import fingerprint
from bayes_mtl.inference._function_guide import FunctionGuide
from bayes_mtl.inference._guided import guided_draws
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._network_training import NetworkTraining
from bayes_mtl.inference._only_svi import require_fixed_joint
from bayes_mtl.inference._prior_guide import guide_of_prior
from bayes_mtl.inference._sites import start_near_zero
from bayes_mtl.inference._start import start_on_device
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._task_blocks import AutoTaskBlocks
from bayes_mtl.inference._train import Training, next_arguments, train
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.inference._validation import Validation
from bayes_mtl.inference._watch import Watch
from bayes_mtl.inference._whole_data import WholeData
from bayes_mtl.model import MultiTaskModel, Program, on_device
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior

_WORTH_A_GPU = 2_000_000


@dataclass(frozen=True)
class SVI(AbstractInference):
    """Stochastic variational inference: the ELBO of a guide, maximised by Adam.

    Parameters
    ----------
    guide
        Called with the Pyro program, returns a guide: any of Pyro's autoguides (``AutoNormal``,
        ``AutoMultivariateNormal``, ``partial(AutoLowRankMultivariateNormal, rank=5)``) or a function of
        your own. Default: a Gaussian block for the hyperparameters and one for each task.
    steps
        Most steps; the plateau rule usually ends the training earlier.
    batch_size
        Observations a step (rows a step with a network). None takes all of them while rows times
        weights a task stay below 4 million, and 4,096 beyond. With four tasks or more for each, the default
        guide, no network and independent tasks, a step touches the tasks of its batch only.
    temperature
        Above 1, small tasks are drawn into mini-batches more often than their share (with weights that
        keep the ELBO unbiased).
    schedule
        Which tasks a step's observations come from, in place of a temperature: `RoundRobin`, `ByGap`, or your
        own, again without bias. It needs a ``batch_size``.
    particles
        Draws of the guide a step, evaluated together; more give steadier gradients.
    learning_rate
        Of Adam; it falls by a factor of 3 at every plateau.
    reductions
        How often it falls before the next plateau ends the training.
    plateau
        When the loss counts as no longer falling.
    network
        What is different for the parameters of the model's network: rate, weight decay, balance of tasks.
    validation
        Held-out data: the state that predicts them best is kept, and ends the training in time.
    draws
        Posterior draws to keep.
    device
        ``"auto"`` takes a GPU where there is one and a step has over 2 million numbers to work on (rows x
        weights of a row x outputs x particles); or any name that torch knows.
    compile
        True compiles a whole step into machine code before the first (half a minute once for a model and
        its sizes, then from the compiler's cache), False never does, ``"auto"`` does it after 300 steps
        where at least 2,000 may follow. The result is the same up to float32 rounding.
    progress
        Whether to show a progress bar.
    on_step
        Called after every step with its number and loss.
    checkpoint
        File that is written every ``checkpoint_every`` steps; where it exists already, the same fit goes
        on from it exactly as if it had not stopped.

    Notes
    -----
    Ctrl-C ends the training early and returns the posterior as far as it got.
    """

    guide: Callable[[Any], Any] | None = None
    steps: int = 20_000
    batch_size: int | None = None
    temperature: float = 1.0
    schedule: AbstractSchedule | None = None
    particles: int = 4
    learning_rate: float = 0.03
    reductions: int = 3
    plateau: Plateau = field(default_factory=Plateau)
    network: NetworkTraining = NetworkTraining()
    validation: Validation | None = None
    draws: int = 1000
    device: str = "auto"
    compile: bool | Literal["auto"] = "auto"
    progress: bool = True
    on_step: Callable[[int, float], object] | None = field(default=None, repr=False)
    checkpoint: str | None = field(default=None, repr=False)
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for name in ("steps", "particles", "draws", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise InputError(message(name, "at least 1", getattr(self, name), "Raise it."))
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(message("batch_size", "at least 1, or None", self.batch_size, "Try 256."))
        if self.schedule is not None and (self.batch_size is None or self.temperature != 1.0):
            found = f"batch_size={self.batch_size}, temperature={self.temperature}"
            expected = "with a batch_size and without a temperature"
            raise InputError(message("schedule", expected, found, "Try batch_size=256."))
        if self.reductions < 0:
            raise InputError(message("reductions", "at least 0", self.reductions, "Try 3."))
        for name, usual in (("learning_rate", 0.03), ("temperature", 1.0)):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(
                    message(name, "a finite number above 0", getattr(self, name), f"Try {usual}.")
                )
        if self.compile not in (True, False, "auto"):
            raise InputError(message("compile", "True, False or 'auto'", repr(self.compile), "Leave it out."))
        if self.guide is not None and not callable(self.guide):
            raise InputTypeError(
                message("guide", "something to call with the program", repr(self.guide), "Try AutoNormal.")
            )

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        with seeded(seed), local_parameters(self._work(data)):
            program = model.program(data).train()
            device = self._device(program, data)
            program.to(device)
            batches, epoch = batches_of(
                program, data, self.batch_size, self.temperature, seed, device, self.schedule
            )
            network = None
            if self.network != NetworkTraining():
                network = TrainedNetwork(program, self.network, data, epoch, self.learning_rate)
            mark = fingerprint(self, program, data, seed) if self.checkpoint else ""
            with on_device(device):
                guide = self._guide(program, start_on_device(program, data))
                watch = None if self.validation is None else Watch(self.validation, program, device)
                training = self._train(program, guide, batches, mark, network, watch)
                program.eval()
                latents, log_weights = guided_draws(
                    program.latents, guide, next_arguments(batches), self.draws
                )
            record = FitRecord(
                method="SVI",
                settings=self.described(),
                seed=seed,
                device=str(device),
                seconds=time.perf_counter() - began,
                losses=np.asarray(training.losses),
                stopped=training.stopped,
                observations=len(data),
                held_out=np.asarray(training.held_out),
            )
            posterior = build_posterior(program.cpu(), latents, record)
            # Random features are drawn anew each time: the likelihood of a draw of the weights is unknown.
            known = not isinstance(program.network, AbstractStochasticNetwork)
            weights = log_weights + all_log_likelihood(program, posterior, data) if known else None
            record_weights = None if weights is None else weights.double().numpy()
        return posterior.with_record(log_weights=record_weights, seconds=time.perf_counter() - began)

    def sample(
        self, program: Callable[..., Any], arguments: tuple[Any, ...], values: Mapping[str, Tensor]
    ) -> LatentDraws:
        """Fit a guide to any program without discrete sites, and draw from it."""
        guide = self._guide(program, dict(values))
        training = self._train(program, guide, WholeData(arguments), fingerprint="")
        latents, log_weights = guided_draws(program, guide, arguments, self.draws)
        return LatentDraws(
            latents, np.asarray(training.losses), training.stopped, log_weights.double().numpy()
        )

    def _train(
        self,
        program: Callable[..., Any],
        guide: nn.Module,
        batches: Batches,
        fingerprint: str,
        network: TrainedNetwork | None = None,
        watch: Watch | None = None,
    ) -> Training:
        return train(
            program,
            guide,
            batches,
            steps=self.steps,
            particles=self.particles,
            learning_rate=self.learning_rate,
            reductions=self.reductions,
            plateau=self.plateau,
            progress=self.progress,
            compile=self.compile,
            on_step=self.on_step,
            checkpoint=self.checkpoint if fingerprint else None,
            checkpoint_every=self.checkpoint_every,
            fingerprint=fingerprint,
            network=network,
            watch=watch,
        )

    def _guide(self, program: Callable[..., Any], values: dict[str, Tensor]) -> nn.Module:
        if isinstance(program, Program):
            if self.guide is not None:
                require_fixed_joint(program.prior, None, "Another guide")
            else:
                own = guide_of_prior(program, values)
                if own is not None:
                    return own
        if self.guide is None:
            return AutoTaskBlocks(program, values)
        kind = self.guide.func if isinstance(self.guide, partial) else self.guide
        if isinstance(kind, type) and issubclass(kind, AutoGuide):
            return self.guide(InitMessenger(partial(start_near_zero, values))(program))
        guide = self.guide(program)
        return guide if isinstance(guide, nn.Module) else FunctionGuide(guide)

    def _device(self, program: Program, data: TaskData) -> torch.device:
        """The one asked for; ``auto`` takes a GPU where a step's arithmetic outweighs its launches."""
        if self.device != "auto":
            return torch.device(self.device)
        worth = self._work(data) * program.outputs > _WORTH_A_GPU
        return torch.device("cuda" if torch.cuda.is_available() and worth else "cpu")

    def _work(self, data: TaskData) -> int:
        """Numbers that one step works on, for one output."""
        rows = min(len(data), self.batch_size or len(data))
        return rows * (data.x.shape[-1] + 1) * self.particles
