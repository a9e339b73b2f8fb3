"""The contract of a network."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from bayes_mtl import networks
from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.posterior._spec import decode, encode
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs

_ROWS, _TASKS = 7, 3


def check_network(network: nn.Module, *, features: int | None = None, steps: int | None = None) -> None:
    """Check a network of your own: one call that is worth a test file.

    It checks that

    - ``forward(x, row, task)`` returns finite ``[observations, out_features]``, in float32 and float64;
    - an observation's features depend on its own row and task alone, in any order of the observations;
    - every parameter gets a finite gradient that is not 0;
    - evaluation uses no random numbers and changes neither the inputs nor the module;
    - the module can be copied, and its state put into the copy;
    - of the library's own networks, that a file can hold them.

    Parameters
    ----------
    network
        The module; it is not changed.
    features
        Number of input features; by default that of its first linear layer.
    steps
        Number of steps where it reads sequences ``[rows, steps, features]``.

    Raises
    ------
    CheckFailed
        On the first rule that is broken: what, expected, found, how to mend it.
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
    module.eval()
    size = _features(network) if features is None else features
    shape = (_ROWS, size) if steps is None else (_ROWS, steps, size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    _check_output(subject, module, x, int(width or 0))
    _check_observations(subject, module, x)
    _check_gradients(subject, module, x)
    _check_output(f"{subject} in float64", deepcopy(module).double(), x.double(), int(width or 0))
    _check_file(subject, network)


def _check_output(subject: str, module: nn.Module, x: Tensor, width: int) -> None:
    row, task = torch.arange(2 * _ROWS) % _ROWS, torch.arange(2 * _ROWS) % _TASKS
    given, state = x.clone(), {k: v.clone() for k, v in module.state_dict().items()}
    rule, remedy = f"{subject}: forward", "See MLP for the arguments: x, row (or None) and task."
    with torch.no_grad(), untouched(f"{subject}: evaluation"), runs(rule, remedy):
        found = module(given, row, task)
        again = module(given, row, task)
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
    changed = [name for name, value in module.state_dict().items() if not torch.equal(value, state[name])]
    require(
        torch.equal(given, x) and not changed,
        rule,
        "inputs and state as they were",
        f"{changed or 'the inputs'} changed",
        "Do not write in place, and update nothing in eval mode.",
    )


def _check_observations(subject: str, module: nn.Module, x: Tensor) -> None:
    row = torch.tensor([3, 0, 3, 6, 1, 3])
    task = torch.tensor([0, 1, 2, 0, 1, 0])
    with torch.no_grad(), runs(f"{subject}: forward", "row may be None; a batch may have one observation."):
        found = module(x, row, task)
        each = torch.cat([module(x[r : r + 1], None, t[None]) for r, t in zip(row, task, strict=True)])
        direct = module(x[row], None, task)
    for other, what in ((each, "alone"), (direct, "with row=None")):
        require(
            # matrix products of other sizes round differently
            other.shape == found.shape and torch.allclose(found, other, atol=1e-5),
            f"{subject}: features of an observation",
            f"those it has {what}",
            "others",
            "Observation i is row[i] (row i where row is None) of task[i], whatever else is in the batch.",
        )


def _check_gradients(subject: str, module: nn.Module, x: Tensor) -> None:
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not trained:
        return
    task = torch.arange(_ROWS) % _TASKS
    weight = torch.linspace(0.5, 1.5, _ROWS).unsqueeze(-1)
    total = (module(x, None, task) * weight).square().sum()
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
        again = decode(encode(network))
        again.load_state_dict(network.state_dict())
    require(encode(again) == encode(network), rule, encode(network), encode(again), "Complete self.settings.")


def _features(network: nn.Module) -> int:
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Bilinear)):
            return int(module.in_features if isinstance(module, nn.Linear) else module.in1_features)
    raise InputError(
        message(
            "features", "the number of input features", "none", "Pass features=: there is no linear layer."
        )
    )
