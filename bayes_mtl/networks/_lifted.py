"""A network of which some layers are random."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pyro
import torch
from pyro.distributions import Distribution, Normal
from torch import Tensor, nn
from torch.func import functional_call, vmap

from bayes_mtl._errors import InputError, UnsupportedError, message
from bayes_mtl.networks._abstract_objective_network import AbstractObjectiveNetwork
from bayes_mtl.networks._abstract_random_network import AbstractRandomNetwork

_STATED = ("in_features", "tasks", "task_features")


class Lifted(AbstractRandomNetwork):
    """A network with a prior on the weights of some layers, which the guide learns like all latent sites.

    Parameters
    ----------
    network
        Any network; it is not changed. Its other weights stay points, trained along.
    layers
        Names of modules or parameters inside, as ``network.named_modules()`` gives them: ``("gate",)`` for
        the gates of `MMoE`, ``("layers.2",)`` for the second layer of an `MLP`.
    prior
        Of every random weight. By default normal with mean 0 and the variance of one over the number of
        inputs; of biases, 1.

    Notes
    -----
    Sites are called ``network.`` and the parameter's name. Draws are evaluated together, so memory and time
    grow with their number behind the first random layer.
    """

    def __init__(
        self, network: nn.Module, layers: Sequence[str], *, prior: Distribution | None = None
    ) -> None:
        super().__init__()
        if isinstance(network, (AbstractObjectiveNetwork, AbstractRandomNetwork)):
            raise UnsupportedError(
                f"{type(network).__name__} has terms or latent sites of its own in training, and cannot be "
                "made random. Lift one of the networks inside of it, or use another one."
            )
        names = [name for name, _ in network.named_parameters()]
        self.settings = {"network": network, "layers": tuple(layers), "prior": prior}
        self.network = deepcopy(network)
        self._prior = prior
        self._names = [name for name in names if any(f"{name}.".startswith(f"{part}.") for part in layers)]
        for part in layers:
            if not any(f"{name}.".startswith(f"{part}.") for name in names):
                raise InputError(
                    message("layers", f"some of the parameters {names}", repr(part), "Name a module or one.")
                )
        for name in self._names:
            self._to_buffer(name)
        self.out_features: int = _width(network)
        for stated in _STATED:
            if hasattr(network, stated):
                setattr(self, stated, getattr(network, stated))

    def _to_buffer(self, name: str) -> None:
        """Make a buffer of a parameter, so that it is saved but not trained; draws stand in for it."""
        path, _, last = name.rpartition(".")
        owner = self.network.get_submodule(path)
        if isinstance(owner, nn.RNNBase):
            raise UnsupportedError(
                f"The weights of {type(owner).__name__} cannot be random: torch evaluates it for one set of "
                "weights at a time. Lift the layers behind it."
            )
        value = getattr(owner, last).detach().clone()
        delattr(owner, last)
        owner.register_buffer(last, value)

    def latents(self) -> dict[str, Tensor]:
        found = {}
        for name in self._names:
            value = self.network.get_buffer(name)
            prior = self._usual(name) if self._prior is None else self._prior
            fn = prior.expand(value.shape).to_event(value.dim())
            found[f"network.{name}"] = pyro.sample(f"network.{name}", fn)
        return found

    def _usual(self, name: str) -> Distribution:
        """Units behind a layer keep the scale of those in front of it."""
        value = self.network.get_buffer(name)
        owner = self.network.get_submodule(name.rpartition(".")[0])
        inputs = value[0].numel() if isinstance(owner, nn.Conv1d) else value.shape[-1]
        scale = value.new_tensor(1.0 if value.dim() < 2 else inputs**-0.5)
        return Normal(torch.zeros_like(scale), scale)

    def start(self) -> dict[str, Tensor]:
        return {f"network.{name}": self.network.get_buffer(name).clone() for name in self._names}

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor, **more: Any) -> Tensor:
        """Features of each observation, ``[observations, out_features]``.

        Returns
        -------
        Tensor
            ``[particles, observations, out_features]`` where particles run together.
        """
        values, sizes = {}, {name: self.network.get_buffer(name) for name in self._names}
        for name, value in self.latents().items():
            own = sizes[name.removeprefix("network.")]
            values[name.removeprefix("network.")] = value.to(own.dtype)
        lead = max(
            (value.shape[: value.dim() - sizes[name].dim()] for name, value in values.items()), key=len
        )

        def features(drawn: dict[str, Tensor]) -> Tensor:
            found: Tensor = functional_call(self.network, drawn, (x, row, task), more)
            return found

        if not lead:
            return features(values)
        # The axis of the plate of tasks is last and of size 1; all before it are particles.
        flat = {
            name: value.expand(*lead, *sizes[name].shape).flatten(0, len(lead) - 1)
            for name, value in values.items()
        }
        return vmap(features, randomness="different")(flat).unflatten(0, lead[:-1])


def _width(network: nn.Module) -> int:
    width = getattr(network, "out_features", None)
    if not isinstance(width, int):
        raise InputError(
            message("network", "an integer attribute 'out_features'", width, "Set it to the output's width.")
        )
    return width
