"""One step of a small model with a network, for the rules of its gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pyro.distributions import HalfNormal
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.inference import AbstractModuleGradient, NetworkTraining
from bayes_mtl.inference._arguments import next_arguments
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._decay import decay_weights
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._ruled_step import RuledStep
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Independent

Found = tuple[Tensor, dict[str, Tensor]]


def data(seed: int = 0, sizes: tuple[int, ...] = (30, 20, 10)) -> TaskData:
    """Two tasks of numbers and one of classes, in two features."""
    random = np.random.default_rng(seed)
    task = np.repeat(np.array(["a", "b", "c"]), sizes)
    x = random.normal(size=(len(task), 2))
    signal = np.tanh(x[:, 0]) + np.where(task == "b", -1.0, 1.0) * x[:, 1]
    y = signal + 0.3 * random.normal(size=len(task))
    return TaskData.from_arrays(x, np.where(task == "c", y > 0, y), task)


def model(network: nn.Module | None = None) -> MultiTaskModel:
    """Bayesian heads on a small network."""
    likelihood = Mixed({"c": Bernoulli()}, default=Gaussian(), groups=dict.fromkeys("abc", "all"))
    return MultiTaskModel(Independent(HalfNormal(1.0)), likelihood, network=network or MLP(2, (4, 3)))


def one_step(
    rule: AbstractModuleGradient | None,
    *,
    particles: int = 2,
    network: nn.Module | None = None,
    reference: Callable[[Any, Any, TrainedNetwork, tuple[Any, ...], list[Tensor]], Found] | None = None,
) -> Found:
    """Loss and named gradients of one evaluation; the same draws for every rule."""
    with seeded(3), local_parameters():
        observed = data()
        program = model(network).program(observed)
        batches, epoch = batches_of(program, observed, 24, 1.0, 0, torch.device("cpu"))
        guide = make_guide(None, program, {})
        trained = TrainedNetwork(program, NetworkTraining(rule=rule), observed, epoch, 0.02)
        learned = Learned(program, guide, next_arguments(batches), trained.memory)
        arguments = next_arguments(batches)
        own = {n: v for n, v in learned.tensors().items() if isinstance(v, nn.Parameter)}
        leaves = list(own.values())
        torch.manual_seed(5)
        if reference is not None:
            return reference(program, guide, trained, arguments, leaves)
        gradient = trained.gradient(guide, particles) or ElboGradient(program, guide, particles)
        loss, found = gradient(arguments, leaves)
        zeros = [torch.zeros_like(v) if g is None else g for v, g in zip(leaves, found, strict=True)]
        return loss, dict(zip(own, zeros, strict=True))


def trajectory(
    rule: AbstractModuleGradient,
    steps: int,
    *,
    captured: bool,
    settings: dict[str, float] | None = None,
    network: nn.Module | None = None,
) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and final tensors of a few steps, uncompiled or as a captured graph."""
    with seeded(3), local_parameters():
        observed = data()
        program = model(network).program(observed)
        batches, epoch = batches_of(program, observed, 24, 1.0, 0, torch.device("cpu"))
        guide = make_guide(None, program, {})
        trained = TrainedNetwork(
            program, NetworkTraining(rule=rule, **(settings or {})), observed, epoch, 0.02
        )
        learned = Learned(program, guide, next_arguments(batches), trained.memory)
        groups = learned.groups(trained.module, trained.group)
        optimiser = torch.optim.Adam(groups, lr=0.02, fused=True)
        optimiser.register_step_pre_hook(decay_weights)
        gradient = trained.gradient(guide, 2)
        assert gradient is not None
        first = batches.draw()
        step: RuledStep | CompiledStep = RuledStep(gradient, batches, optimiser)
        if captured:
            parts = Parts(program, guide, batches, learned, optimiser, 2)
            step = CompiledStep(parts, first, compiled=False, gradient=gradient)
        losses = [step(batches.draw()) for _ in range(steps)]
        return losses, learned.copy()
