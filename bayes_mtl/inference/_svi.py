"""Stochastic variational inference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from torch import Tensor

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data import AbstractSchedule, TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.inference._devices import require_name
from bayes_mtl.inference._fit_on_many import fit_on_many
from bayes_mtl.inference._guided import guided_draws
from bayes_mtl.inference._hyper import LatentDraws
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._network_training import NetworkTraining
from bayes_mtl.inference._number_of_draws import USUAL, require_draws
from bayes_mtl.inference._processes import ALONE
from bayes_mtl.inference._stopping import Plateau
from bayes_mtl.inference._svi_fit import fit_by_svi, measured, trained
from bayes_mtl.inference._validation import Validation
from bayes_mtl.inference._whole_data import WholeData
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior


@dataclass(frozen=True)
class SVI(AbstractInference):
    """Stochastic variational inference: the ELBO of a guide, maximised by Adam.

    Parameters
    ----------
    guide
        Called with the Pyro program, returns a guide: any of Pyro's autoguides (``AutoNormal``,
        ``AutoMultivariateNormal``, ``partial(AutoLowRankMultivariateNormal, rank=5)``) or a function of
        your own; `AutoAmortised` has no parameters of single tasks. Default: a Gaussian block for the
        hyperparameters and one for each task.
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
        Posterior draws to keep. Default 1,000, or fewer (at least 100) where draws of all tasks' weights
        would take more than 0.4 GB.
    device
        ``"auto"`` takes a GPU where there is one and a step has over 2 million numbers to work on (rows x
        weights of a row x outputs x particles); or the name in torch of a device that is there. A GPU's
        losses are read every 50 compiled steps, with ``on_step`` after each.
    devices, num_nodes
        Devices of a machine, and machines, that share the work: a process for each computes its share of
        every batch. Needs the extra ``distributed``; the page "Many devices" says how to start them.
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
        on from it exactly as if it had not stopped. Another fit's is refused; so a network of your own has to
        begin with the same weights (``torch.manual_seed`` before it is made).

    Notes
    -----
    Ctrl-C ends the training early and returns the posterior as far as it got; with several devices it ends
    the fit.

    References
    ----------
    Hoffman, Blei, Wang and Paisley, Stochastic variational inference (JMLR 2013); Kucukelbir et al.,
    Automatic differentiation variational inference (JMLR 2017).
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
    draws: int | None = None
    device: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    compile: bool | Literal["auto"] = "auto"
    progress: bool = True
    on_step: Callable[[int, float], object] | None = field(default=None, repr=False)
    checkpoint: str | None = field(default=None, repr=False)
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        require_draws(self.draws)
        require_name(self.device)
        for name in ("steps", "particles", "checkpoint_every", "devices", "num_nodes"):
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
        if self.devices * self.num_nodes > 1 and self.network.rule is not None:
            found = type(self.network.rule).__name__
            expected = "no rule with several devices, which each see a part of the batch"
            raise InputError(message("network", expected, found, "Leave the rule out, or use one device."))
        if self.guide is not None and not callable(self.guide):
            raise InputTypeError(
                message("guide", "something to call with the program", repr(self.guide), "Try AutoNormal.")
            )

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        require_data(data)
        if self.devices * self.num_nodes > 1:
            return fit_on_many(self, model, data, seed)
        return fit_by_svi(self, model, data, seed, ALONE)

    def sample(
        self, program: Callable[..., Any], arguments: tuple[Any, ...], values: Mapping[str, Tensor]
    ) -> LatentDraws:
        """Fit a guide to any program without discrete sites, and draw from it."""
        guide = make_guide(self.guide, program, dict(values))
        whole = WholeData(arguments)
        training = trained(self, program, guide, whole)
        gradient = measured(self, program, guide, whole, training, 0)
        latents, log_weights = guided_draws(program, guide, arguments, self.draws or USUAL)
        return LatentDraws(
            latents,
            np.asarray(training.losses),
            training.stopped,
            log_weights.double().numpy(),
            gradient=gradient,
        )
