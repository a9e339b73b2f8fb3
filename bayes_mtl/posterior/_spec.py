"""Settings objects and hyperpriors as JSON, and back from an allow-list: nothing is ever imported or run."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pyro.distributions as distributions
import torch
from torch import Tensor, nn
from torch.distributions import constraints

from bayes_mtl import likelihoods, networks, priors
from bayes_mtl._errors import FileError

_DISTRIBUTIONS = (
    "Beta Cauchy Dirichlet Exponential Gamma HalfCauchy HalfNormal InverseGamma Laplace LogNormal Normal "
    "StudentT Uniform Weibull"
).split()
_ACTIVATIONS = "ELU GELU LeakyReLU Mish ReLU SELU SiLU Sigmoid Softplus Tanh".split()
_SUPPORTS = {"positive": constraints.positive, "real": constraints.real}


class Foreign:
    """Stands for a part that is not the library's own: only its owner can rebuild it."""

    def __init__(self, name: str) -> None:
        self.name = name


def encode(value: Any) -> Any:
    """Plain JSON types for a setting; what cannot be rebuilt safely becomes a mark with its name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, Mapping):
        return {"mapping": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, Tensor):
        return {"tensor": value.tolist()}
    if isinstance(value, type) and value in [getattr(nn, name) for name in _ACTIVATIONS]:
        return {"activation": value.__name__}
    if isinstance(value, torch.distributions.Distribution):
        return _encode_distribution(value)
    for module in (priors, likelihoods, networks):
        name = type(value).__name__
        if name in module.__all__ and getattr(module, name) is type(value):
            if is_dataclass(value):
                settings = {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
            else:
                settings = {key: encode(item) for key, item in value.settings.items()}
            return {"part": f"{module.__name__.rsplit('.', 1)[-1]}.{name}", "settings": settings}
    return {"foreign": f"{type(value).__module__}.{type(value).__qualname__}"}


def _encode_distribution(value: torch.distributions.Distribution) -> dict[str, Any]:
    name = type(value).__name__
    if name == "ImproperUniform":
        for text, support in _SUPPORTS.items():
            if value.support is support and not value.event_shape:
                return {"improper": text}
    if name in _DISTRIBUTIONS and type(value) is getattr(distributions, name):
        return {
            "distribution": name,
            "parameters": {k: getattr(value, k).tolist() for k in value.arg_constraints},
        }
    return {"foreign": name}


def decode(written: Any) -> Any:
    """What `encode` wrote.

    Raises
    ------
    FileError
        For anything that it cannot have written.
    """
    if written is None or isinstance(written, (bool, int, float, str)):
        return written
    try:
        ((key, value), *rest) = written.items()
        if key == "tuple":
            return tuple(decode(item) for item in value)
        if key == "mapping":
            return {decode(name): decode(item) for name, item in value}
        if key == "tensor":
            return torch.tensor(value)
        if key == "activation" and value in _ACTIVATIONS:
            return getattr(nn, value)
        if key == "improper":
            return distributions.ImproperUniform(_SUPPORTS[value], torch.Size(), torch.Size())
        if key == "distribution" and value in _DISTRIBUTIONS:
            parameters = {name: torch.tensor(number) for name, number in written["parameters"].items()}
            return getattr(distributions, value)(**parameters)
        if key == "part":
            package, name = value.split(".")
            module = {"priors": priors, "likelihoods": likelihoods, "networks": networks}[package]
            if name in module.__all__:
                settings = {name: decode(item) for name, item in written["settings"].items()}
                foreign = [item for item in settings.values() if isinstance(item, Foreign)]
                return foreign[0] if foreign else getattr(module, name)(**settings)
        if key == "foreign":
            return Foreign(str(value))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"The file describes a part that cannot be rebuilt ({error}).") from error
    raise FileError(f"The file describes a part {written!r} that bayes_mtl does not know.")
