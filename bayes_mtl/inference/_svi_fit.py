"""A fit by SVI from data to posterior, as each of its processes does it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.inference._all_log_likelihood import all_log_likelihood
from bayes_mtl.inference._arguments import next_arguments
from bayes_mtl.inference._batches import Batches
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._devices import AUTO, present
from bayes_mtl.inference._fingerprint import fingerprint
from bayes_mtl.inference._gradient_noise import gradient_noise
from bayes_mtl.inference._guided import guided_draws
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._network_training import NetworkTraining
from bayes_mtl.inference._number_of_draws import number_of_draws
from bayes_mtl.inference._processes import ALONE, Processes
from bayes_mtl.inference._start import start_on_device
from bayes_mtl.inference._train import Training, train
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.inference._watch import Watch
from bayes_mtl.model import MultiTaskModel, Program, on_device
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.posterior import FitRecord, Posterior, build_posterior

if TYPE_CHECKING:
    from bayes_mtl.inference._svi import SVI

_WORTH_A_GPU = 2_000_000
_PRODUCTS = 10
"""Products of a network that cost as much as an operation on one number."""


def fit_by_svi(
    svi: "SVI", model: MultiTaskModel, data: TaskData, seed: int, processes: Processes
) -> Posterior:
    """Fit a model; with several processes, each calls this with the same arguments and gets the same result.

    Raises
    ------
    InputError, UnsupportedError
        Where data, model and settings do not fit together.
    """
    began = time.perf_counter()
    with seeded(seed), local_parameters(_arithmetic(svi, model, data) // processes.share.size):
        program = model.program(data).train()
        if processes.several and isinstance(program.network, AbstractStochasticNetwork):
            raise UnsupportedError(
                f"{type(program.network).__name__} keeps averages over whole batches, so that one process "
                "has to train it. Leave devices and num_nodes out."
            )
        device = processes.fabric.device if processes.fabric else device_of(svi, program, data)
        program.to(device)
        batches, epoch = batches_of(
            program, data, svi.batch_size, svi.temperature, seed, device, svi.schedule, processes.share
        )
        network = None
        if svi.network != NetworkTraining():
            network = TrainedNetwork(program, svi.network, data, epoch, svi.learning_rate)
        mark = fingerprint(svi, program, data, seed) if svi.checkpoint else ""
        with on_device(device):
            guide = make_guide(svi.guide, program, start_on_device(program, data), data)
            watch = None if svi.validation is None else Watch(svi.validation, program, device)
            training = trained(svi, program, guide, batches, mark, network, watch, processes, epoch)
            gradient = {} if processes.several else measured(svi, program, guide, batches, training, seed)
            program.eval()
            weights = len(program.schema.tasks) * len(program.features) * program.outputs
            number = number_of_draws(svi.draws, weights)
            latents, log_weights = guided_draws(program.latents, guide, next_arguments(batches), number)
        latents = processes.of_first(latents)
        log_weights = processes.of_first({"log_weights": log_weights})["log_weights"]
        record = FitRecord(
            method="SVI",
            settings=svi.described(),
            seed=seed,
            device=str(device),
            seconds=time.perf_counter() - began,
            losses=np.asarray(training.losses),
            stopped=training.stopped,
            observations=len(data),
            held_out=np.asarray(training.held_out),
            gradient=gradient,
        )
        posterior = build_posterior(program.cpu(), latents, record)
        # Random features are drawn anew each time: the likelihood of a draw of the weights is unknown.
        known = not isinstance(program.network, AbstractStochasticNetwork)
        if known:
            own = all_log_likelihood(program, posterior, data, processes.share)
            (total,) = processes.total([own.to(device)])
            log_weights = log_weights + total.cpu()
        record_weights = log_weights.double().numpy() if known else None
    return posterior.with_record(log_weights=record_weights, seconds=time.perf_counter() - began)


def trained(
    svi: "SVI",
    program: Callable[..., Any],
    guide: nn.Module,
    batches: Batches,
    fingerprint: str = "",
    network: TrainedNetwork | None = None,
    watch: Watch | None = None,
    processes: Processes = ALONE,
    epoch: float = 1.0,
) -> Training:
    """Run the training loop with the settings of ``svi``; without a fingerprint there is no checkpoint."""
    return train(
        program,
        guide,
        batches,
        steps=svi.steps,
        particles=svi.particles,
        learning_rate=svi.learning_rate,
        reductions=svi.reductions,
        plateau=svi.plateau,
        epoch=epoch,
        progress=svi.progress,
        compile=svi.compile,
        on_step=svi.on_step,
        checkpoint=svi.checkpoint if fingerprint else None,
        checkpoint_every=svi.checkpoint_every,
        fingerprint=fingerprint,
        network=network,
        watch=watch,
        processes=processes,
    )


def measured(
    svi: "SVI", program: Callable[..., Any], guide: nn.Module, batches: Batches, training: Training, seed: int
) -> dict[str, float]:
    """Signal and noise of the gradient at the end of a training, see `gradient_noise`."""
    return gradient_noise(
        program,
        guide,
        batches,
        particles=svi.particles,
        rate=svi.learning_rate / 3.0**training.reductions,
        steps=len(training.losses),
        seed=seed,
    )


def device_of(svi: "SVI", program: Program, data: TaskData) -> torch.device:
    """The one asked for; ``auto`` takes a GPU where a step's arithmetic outweighs its launches."""
    if svi.device != AUTO:
        return present(svi.device)
    worth = work(svi, data) * program.outputs > _WORTH_A_GPU
    return torch.device("cuda" if torch.cuda.is_available() and worth else "cpu")


def work(svi: "SVI", data: TaskData) -> int:
    """Numbers that one step works on, for one output."""
    rows = min(len(data), svi.batch_size or len(data))
    return rows * (data.x.shape[-1] + 1) * svi.particles


def _arithmetic(svi: "SVI", model: MultiTaskModel, data: TaskData) -> int:
    """The same with what a network adds, whose products are quicker than operations one by one."""
    network = model.network
    size = 0 if network is None else sum(value.numel() for value in network.parameters())
    return work(svi, data) + min(len(data), svi.batch_size or len(data)) * size // _PRODUCTS
