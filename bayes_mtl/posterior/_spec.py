"""Settings objects and hyperpriors as JSON, and back from an allow-list: nothing is ever imported or run."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pyro.distributions as distributions
import torch
from torch import Tensor, nn
from torch.distributions import constraints

from bayes_mtl import likelihoods, networks, priors
from bayes_mtl._errors import FileError

_DISTRIBUTIONS = (
    *("Beta", "Cauchy", "Dirichlet", "Exponential", "Gamma", "HalfCauchy", "HalfNormal", "InverseGamma"),
    *("Laplace", "LogNormal", "Normal", "StudentT", "Uniform", "Weibull"),
)
_ACTIVATIONS = ("ELU", "GELU", "LeakyReLU", "Mish", "ReLU", "SELU", "SiLU", "Sigmoid", "Softplus", "Tanh")
_SUPPORTS = {"positive": constraints.positive, "real": constraints.real}
_DTYPES = ("float32", "float64", "int64", "bool")
_PACKAGES = {"priors": priors, "likelihoods": likelihoods, "networks": networks}


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
        return {"tensor": value.tolist(), "dtype": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, type) and value in [getattr(nn, name) for name in _ACTIVATIONS]:
        return {"activation": value.__name__}
    if isinstance(value, torch.distributions.Distribution):
        return _encode_distribution(value)
    name = type(value).__name__
    for package, module in _PACKAGES.items():
        if name in module.__all__ and getattr(module, name) is type(value):
            return {"part": f"{package}.{name}", "settings": _settings(value)}
    return {"foreign": qualified_name(value), "settings": _settings(value)}


def qualified_name(value: object) -> str:
    """Module and name of the class of ``value``; a script's, which a process it spawned knows by another."""
    module = type(value).__module__
    return f"{'__main__' if module == '__mp_main__' else module}.{type(value).__qualname__}"


def _settings(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
    found = getattr(value, "settings", {})
    return {key: encode(item) for key, item in found.items()} if isinstance(found, Mapping) else {}


def _encode_distribution(value: torch.distributions.Distribution) -> dict[str, Any]:
    name = type(value).__name__
    if name == "ImproperUniform":
        for text, support in _SUPPORTS.items():
            if value.support is support and not value.event_shape:
                return {"improper": text}
    if name in _DISTRIBUTIONS and type(value) is getattr(distributions, name):
        return {
            "distribution": name,
            "parameters": {k: encode(getattr(value, k)) for k in value.arg_constraints},
        }
    return {"foreign": qualified_name(value)}


def decode(written: Any, own: Any = None) -> Any:
    """What `encode` wrote; `Foreign` where that is, or holds, a class which is not the library's own.

    Parameters
    ----------
    own
        The user's own object in this place, if there is one. Where its class is the one that was written
        it is taken, with the settings that were written (they hold what `bind` filled in).

    Raises
    ------
    FileError
        For anything that `encode` cannot have written.
    """
    if written is None or isinstance(written, (bool, int, float, str)):
        return written
    try:
        key = next(iter(written))
        return _decoders[key](written, own)
    except (
        AttributeError,
        LookupError,
        StopIteration,
        TypeError,
        ValueError,
        RuntimeError,
        OverflowError,
    ) as error:
        if isinstance(error, FileError):
            raise
        reason = "".join(str(error).splitlines()[:1])[:200]  # torch adds its stack
        raise FileError(f"The file describes a part that cannot be rebuilt ({reason}).") from error


def _tuple(written: Any, own: Any) -> Any:
    counterparts = own if isinstance(own, (tuple, list)) and len(own) == len(written["tuple"]) else None
    items = [
        decode(item, None if counterparts is None else counterparts[i])
        for i, item in enumerate(written["tuple"])
    ]
    return _foreign_among(items) or tuple(items)


def _mapping(written: Any, own: Any) -> Any:
    counterparts = own if isinstance(own, Mapping) else {}
    items = {}
    for name, item in written["mapping"]:
        key = decode(name)
        items[key] = decode(item, counterparts.get(key))
    return _foreign_among(items.values()) or items


def _tensor(written: Any, own: Any) -> Tensor:
    if written["dtype"] not in _DTYPES:
        raise FileError(f"The file holds numbers of the unknown type {written['dtype']!r}.")
    return torch.tensor(written["tensor"], dtype=getattr(torch, written["dtype"]))


def _activation(written: Any, own: Any) -> type[nn.Module]:
    if written["activation"] not in _ACTIVATIONS:
        raise FileError(f"The file describes the unknown activation {written['activation']!r}.")
    found: type[nn.Module] = getattr(nn, written["activation"])
    return found


def _improper(written: Any, own: Any) -> Any:
    return distributions.ImproperUniform(_SUPPORTS[written["improper"]], torch.Size(), torch.Size())


def _distribution(written: Any, own: Any) -> Any:
    name = written["distribution"]
    if name not in _DISTRIBUTIONS:
        raise FileError(f"The file describes the unknown distribution {name!r}.")
    parameters = {key: decode(number) for key, number in written["parameters"].items()}
    return getattr(distributions, name)(**parameters)


def _part(written: Any, own: Any) -> Any:
    package, _, name = written["part"].partition(".")
    if package not in _PACKAGES or name not in _PACKAGES[package].__all__:
        raise FileError(f"The file describes the part {written['part']!r}, which bayes_mtl does not know.")
    kind = getattr(_PACKAGES[package], name)
    settings = _decoded_settings(written, own if type(own) is kind else None)
    return _foreign_among(settings.values()) or kind(**settings)


def _own(written: Any, own: Any) -> Any:
    if own is None or qualified_name(own) != written["foreign"]:
        return Foreign(str(written["foreign"]))
    if not is_dataclass(own) or isinstance(own, type):
        return own
    settings = _decoded_settings(written, own)
    return replace(own, **{k: item for k, item in settings.items() if not isinstance(item, Foreign)})


def _decoded_settings(written: Any, own: Any) -> dict[str, Any]:
    held: Any = getattr(own, "settings", {}) if isinstance(own, nn.Module) else getattr(own, "__dict__", {})
    return {name: decode(item, held.get(name)) for name, item in written["settings"].items()}


def _foreign_among(items: Any) -> Foreign | None:
    return next((item for item in items if isinstance(item, Foreign)), None)


_decoders = {
    "tuple": _tuple,
    "mapping": _mapping,
    "tensor": _tensor,
    "activation": _activation,
    "improper": _improper,
    "distribution": _distribution,
    "part": _part,
    "foreign": _own,
}
