"""The contract of a network."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pyro import poutine
from torch import Tensor, nn

from bayes_mtl import networks
from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import Batch, TaskData
from bayes_mtl.posterior._spec import decode, encode
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs

_ROWS, _TASKS = 7, 3


def check_network(network: nn.Module, *, features: int | None = None, steps: int | None = None) -> None:
    """Check a network of your own: one call that is worth a test file.

    It checks that

    - ``forward(x, row, task)`` (with ``step=`` and ``length=`` for sequences, ``task_features=`` for a gate
      on these) returns finite ``[observations, out_features]``, in float32 and float64;
    - an observation's features depend on its own row and task alone, in any order of the observations;
    - of sequences, what stands behind a row's end does not matter;
    - every parameter gets a finite gradient that is not 0, in training;
    - evaluation uses no random numbers and changes neither the inputs nor the module;
    - the module can be copied, and its state put into the copy;
    - of the library's own networks, that a file can hold them.

    Parameters
    ----------
    network
        The module; it is not changed.
    features
        Number of input features; by default what it states, or what its first linear layer has.
    steps
        Number of steps where it reads sequences ``[rows, steps, features]``; 2 or more.

    Raises
    ------
    CheckFailed
        On the first rule that is broken. InputTypeError for what is no module.
    """
    if not isinstance(network, nn.Module):
        raise InputTypeError(message("network", "an nn.Module", repr(network), "Pass an instance."))
    subject = type(network).__name__
    width = getattr(network, "out_features", None)
    require(
        isinstance(width, int) and width > 0,
        f"{subject}: out_features",
        "a positive integer",
        width,
        "Set self.out_features to the width of the output.",
    )
    with runs(f"{subject}: copying it and its state", "Keep only tensors and modules in it."):
        module = deepcopy(network)
        module.load_state_dict(network.state_dict())
    size = _features(network) if features is None else features
    if isinstance(module, networks.AbstractStochasticNetwork):
        module = module.bind(_data(size), torch.zeros(_TASKS, 1, dtype=torch.bool))
    module.eval()
    shape = (_ROWS, size) if steps is None else (_ROWS, steps, size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    call = _Call.of(module)
    _check_output(subject, call, x, int(width or 0))
    _check_observations(subject, call, x)
    if steps is not None:
        _check_padding(subject, call, x)
    _check_gradients(subject, call, x)
    _check_output(f"{subject} in float64", _Call.of(deepcopy(module).double()), x.double(), int(width or 0))
    _check_file(subject, network)


@dataclass(frozen=True, eq=False)
class _Call:
    """A network with what a model passes beside rows and tasks, and with its latent sites at one draw."""

    module: nn.Module
    tasks: int
    sites: dict[str, Tensor]

    @classmethod
    def of(cls, module: nn.Module) -> "_Call":
        sites = {}
        if isinstance(module, networks.AbstractRandomNetwork):
            with seeded(0), poutine.block():
                sites = module.latents()
        tasks: Any = getattr(module, "tasks", None)
        return cls(module, min(_TASKS, tasks) if isinstance(tasks, int) else _TASKS, sites)

    def __call__(
        self,
        x: Tensor,
        row: Tensor | None,
        task: Tensor,
        length: Tensor | None = None,
        *,
        train: bool = False,
    ) -> Tensor:
        more: dict[str, Any] = {}
        rows = len(x) if row is None else len(row)
        if x.dim() == 3:
            last = torch.full((len(x),), x.shape[1]) if length is None else length
            more = {"step": (last if row is None else last[row]) - 1, "length": length}
        features: Any = getattr(self.module, "task_features", 0)
        if features:
            more["task_features"] = torch.linspace(-1.0, 1.0, self.tasks * features, dtype=x.dtype).reshape(
                self.tasks, features
            )
        with poutine.block(), poutine.condition(data=self.sites):
            if not train or not isinstance(self.module, networks.AbstractObjectiveNetwork):
                return self.module(x, row, task, **more)
            ones = torch.ones(rows, dtype=x.dtype)
            shift = torch.zeros(self.tasks, 1, dtype=x.dtype)
            batch = Batch(x, task, ones, shift, shift + 1.0, ones, row=row, **more)
            return _total(self.module, batch)


def _total(module: networks.AbstractObjectiveNetwork, batch: Batch) -> Tensor:
    """A number that depends on all that a network gives to the objective."""
    module.train()
    with seeded(0), poutine.trace() as tracer:
        found = module.objective(batch)
    module.eval()
    weight = torch.linspace(0.5, 1.5, batch.observations, dtype=batch.x.dtype)
    total = (found.features * weight.unsqueeze(-1)).square().sum()
    if found.terms is not None:
        total = total + (found.terms(torch.linspace(-1.0, 1.0, batch.observations).to(weight)) * weight).sum()
    return total + tracer.trace.log_prob_sum()


def _check_output(subject: str, call: _Call, x: Tensor, width: int) -> None:
    row, task = torch.arange(2 * _ROWS) % _ROWS, torch.arange(2 * _ROWS) % call.tasks
    given, state = x.clone(), {k: v.clone() for k, v in call.module.state_dict().items()}
    rule, remedy = (
        f"{subject}: forward",
        "See MLP for the arguments: x, row (or None), task, and step= or length=",
    )
    with torch.no_grad(), untouched(f"{subject}: evaluation"), runs(rule, f"{remedy} for sequences."):
        found: Any = call(given, row, task)
        again = call(given, row, task)
    expected = (2 * _ROWS, width)
    require(
        isinstance(found, Tensor) and tuple(found.shape) == expected and found.dtype == x.dtype,
        rule,
        f"{x.dtype} of shape {expected}",
        f"{found.dtype} of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__,
        "Return one row of features for each observation: index the output by row.",
    )
    require(bool(torch.isfinite(found).all()), rule, "finite numbers", "others", "Check the initial weights.")
    require(torch.equal(found, again), rule, "the same output twice", "another", "Obey eval().")
    after = call.module.state_dict()
    changed = [name for name, value in after.items() if not torch.equal(value, state[name])]
    require(
        torch.equal(given, x) and not changed,
        rule,
        "inputs and state as they were",
        f"{changed or 'the inputs'} changed",
        "Do not write in place, and update nothing in eval mode.",
    )


def _check_observations(subject: str, call: _Call, x: Tensor) -> None:
    row = torch.tensor([3, 0, 3, 6, 1, 3])
    task = torch.tensor([0, 1, 2, 0, 1, 0]) % call.tasks
    with torch.no_grad(), runs(f"{subject}: forward", "row may be None; a batch may have one observation."):
        found = call(x, row, task)
        each = torch.cat([call(x[r : r + 1], None, t[None]) for r, t in zip(row, task, strict=True)])
        direct = call(x[row], None, task)
    for other, what in ((each, "alone"), (direct, "with row=None")):
        require(
            # matrix products of other sizes round differently
            other.shape == found.shape and torch.allclose(found, other, atol=1e-5),
            f"{subject}: features of an observation",
            f"those it has {what}",
            "others",
            "Observation i is row[i] (row i where row is None) of task[i], whatever else is in the batch.",
        )


def _check_padding(subject: str, call: _Call, x: Tensor) -> None:
    length = torch.arange(len(x)) % (x.shape[1] - 1) + 1
    padded = torch.arange(x.shape[1]) >= length.unsqueeze(-1)
    task = torch.arange(len(x)) % call.tasks
    with torch.no_grad():
        found = call(x, None, task, length)
        other = call(torch.where(padded.unsqueeze(-1), x + 3.0, x), None, task, length)
    require(
        torch.allclose(found, other, atol=1e-5),  # nothing differs but what must not matter
        f"{subject}: features at the last valid step",
        "those it has whatever stands behind it",
        "others",
        "Look back only, or mask what is at or behind length.",
    )


def _data(features: int) -> TaskData:
    """Targets that are no classes, for networks which ask for the data."""
    tasks = np.arange(_ROWS) % _TASKS
    return TaskData.from_arrays(np.zeros((_ROWS, features)), np.linspace(0.0, 1.0, _ROWS), tasks)


def _check_gradients(subject: str, call: _Call, x: Tensor) -> None:
    trained = {name: p for name, p in call.module.named_parameters() if p.requires_grad}
    if not trained:
        return
    task = torch.arange(_ROWS) % call.tasks
    weight = torch.linspace(0.5, 1.5, _ROWS).unsqueeze(-1)
    found = call(x, None, task, train=True)
    total = (found * weight).square().sum() if found.dim() else found
    gradients = torch.autograd.grad(total, list(trained.values()), allow_unused=True)
    for name, gradient in zip(trained, gradients, strict=True):
        require(
            gradient is not None and bool(torch.isfinite(gradient).all()) and bool(gradient.ne(0).any()),
            f"{subject}: gradient of the parameter '{name}'",
            "finite numbers, not all 0",
            "none" if gradient is None else "others",
            "Use every parameter, undetached, or freeze it by requires_grad_(False).",
        )


def _check_file(subject: str, network: nn.Module) -> None:
    if getattr(networks, subject, None) is not type(network):
        return
    rule = f"{subject}: writing it to a file and reading it back"
    with runs(rule, "Keep the constructor's arguments in self.settings."):
        again = decode(encode(network), network)  # parts of the user's own are taken from it
        again.load_state_dict(network.state_dict())
    require(encode(again) == encode(network), rule, encode(network), encode(again), "Complete self.settings.")


def _features(network: nn.Module) -> int:
    stated: Any = getattr(network, "in_features", None)
    if isinstance(stated, int):
        return stated
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Bilinear)):
            return int(module.in_features if isinstance(module, nn.Linear) else module.in1_features)
    raise InputError(
        message(
            "features", "the number of input features", "none", "Pass features=: there is no linear layer."
        )
    )
