"""Everything that training needs to go on exactly where it stopped."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bayes_mtl import _files
from bayes_mtl._errors import FileError


def save_checkpoint(
    path: str | os.PathLike[str],
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    sampler: Mapping[str, Tensor],
    progress: Mapping[str, Any],
    losses: Tensor,
    fingerprint: str,
) -> None:
    """Write parameters, buffers, optimiser, random state and the batch sampler's place."""
    tensors = {"losses": losses, "rng": torch.get_rng_state()}
    for prefix, module in modules.items():
        tensors |= {f"{prefix}/{name}": value for name, value in _state(module).items()}
    state = optimiser.state_dict()
    for i, entries in state["state"].items():
        tensors |= {f"optimiser/{i}/{name}": torch.as_tensor(value) for name, value in entries.items()}
    tensors |= {f"sampler/{name}": value for name, value in sampler.items()}
    meta = {
        "progress": dict(progress),
        "rates": [group["lr"] for group in state["param_groups"]],
        "fingerprint": fingerprint,
    }
    _files.write(path, tensors, meta, kind="checkpoint")


def load_checkpoint(
    path: str | os.PathLike[str],
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    fingerprint: str,
) -> tuple[dict[str, Tensor], dict[str, Any], list[float]]:
    """Restore what `save_checkpoint` wrote; returns the sampler's state, progress and losses.

    Raises
    ------
    FileError
        Where the file belongs to another model, data set, seed or setting: nothing is restored then.
    """
    tensors, meta = _files.read(path, kind="checkpoint")
    if meta.get("fingerprint") != fingerprint:
        raise FileError(
            f"The checkpoint '{path}' belongs to another fit (other data, model, seed or settings). "
            "Delete it, or choose another path."
        )
    for prefix, module in modules.items():
        for name, value in _state(module).items():
            value.data.copy_(tensors[f"{prefix}/{name}"])
    state = optimiser.state_dict()
    state["state"] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser/"):
            _, i, entry = name.split("/")
            state["state"].setdefault(int(i), {})[entry] = value
    for group, rate in zip(state["param_groups"], meta["rates"], strict=True):
        group["lr"] = rate
    optimiser.load_state_dict(state)
    torch.set_rng_state(tensors["rng"])
    sampler = {k.removeprefix("sampler/"): v for k, v in tensors.items() if k.startswith("sampler/")}
    return sampler, dict(meta["progress"]), tensors["losses"].tolist()


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, those that are not saved with the module included."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
