"""Everything that training needs to go on exactly where it stopped."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bayes_mtl import _files
from bayes_mtl._errors import FileError
from bayes_mtl.inference._learned import Learned


def save_checkpoint(
    path: str | os.PathLike[str],
    learned: Learned,
    optimiser: torch.optim.Optimizer,
    sampler: Mapping[str, Tensor],
    progress: Mapping[str, Any],
    losses: list[float],
    fingerprint: str,
) -> None:
    """Write parameters, buffers, optimiser, random state and the batch sampler's place."""
    tensors = {"losses": torch.tensor(losses, dtype=torch.float64), "rng": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["rng_cuda"] = torch.cuda.get_rng_state()
    tensors |= {f"learned/{name}": value for name, value in learned.tensors().items()}
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
    learned: Learned,
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
    saved = _part(tensors, "learned/")
    shapes = {name: value.shape for name, value in saved.items()}
    own = {name: value.shape for name, value in learned.tensors().items()}
    if meta.get("fingerprint") != fingerprint or shapes != own:
        raise FileError(
            f"The checkpoint '{path}' belongs to another fit (other data, model, seed or settings, or a "
            "network that began with other weights). Delete it, or choose another path."
        )
    learned.restore(saved)
    state = optimiser.state_dict()
    state["state"] = {}
    for name, value in _part(tensors, "optimiser/").items():
        i, entry = name.split("/")
        state["state"].setdefault(int(i), {})[entry] = value
    for group, rate in zip(state["param_groups"], meta["rates"], strict=True):
        group["lr"] = rate
    optimiser.load_state_dict(state)
    torch.set_rng_state(tensors["rng"])
    if "rng_cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng_cuda"])
    return _part(tensors, "sampler/"), dict(meta["progress"]), tensors["losses"].tolist()


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
