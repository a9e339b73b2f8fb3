"""All that a setting says, as one text that is the same in every process."""

import hashlib
import inspect
import re
import weakref
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import cached_property, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.distributions.transforms import _InverseTransform
from torch.distributions.utils import lazy_property

_PLAIN = (str, bytes, int, float, complex, bool, type(None), torch.dtype, torch.device)
_LATER = (cached_property, lazy_property)
"""Attributes that are there once somebody asked for them."""


def text_of(value: Any, above: tuple[int, ...] = ()) -> str:
    """All that a setting holds, without addresses in memory.

    Of a function that is its code and what it encloses; of a module its parts and sizes: the numbers of one
    that a guide encloses change while it is trained.

    Parameters
    ----------
    above
        Identities of what holds the value: an object may hold itself.
    """
    if isinstance(value, _PLAIN):
        return repr(value)
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, (type, ModuleType)):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value.__name__)}"
    if isinstance(value, (Tensor, np.ndarray)):
        return _numbers(value, above)
    if isinstance(value, Mapping):
        return _listed(f"{text_of(key, above)}: {text_of(item, above)}" for key, item in value.items())
    if isinstance(value, Set):
        return _listed(sorted(text_of(item, above) for item in value))
    if isinstance(value, (list, tuple)):
        return _listed(text_of(item, above) for item in value)
    found = _said(value)
    kind = text_of(type(value))
    return f"{kind}{_without_address(value)}" if found is None else f"{kind}{text_of(found, above)}"


def _listed(parts: Iterable[str]) -> str:
    """Not as Python writes a list of texts, whose quotes double with every level."""
    return f"[{', '.join(parts)}]"


def _said(value: Any) -> Any:
    """What an object consists of; None for one that has nothing but its own words."""
    if isinstance(value, FunctionType):
        enclosed = [cell.cell_contents for cell in value.__closure__ or () if cell != type(cell)()]
        return [value.__code__, enclosed, value.__defaults__, value.__kwdefaults__]
    if isinstance(value, CodeType):
        # not the names of file and function, nor lines: the same words elsewhere are the same function
        return [value.co_code, value.co_consts, value.co_names, value.co_varnames]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, nn.Module):
        sizes = {name: tuple(part.shape) for name, part in _named(value) if not nn.parameter.is_lazy(part)}
        own = {k: v for k, v in vars(value).items() if k[0] != "_" and k != "training"}
        return [type(value), sizes, own, dict(value.named_children())]
    if isinstance(value, Distribution):
        return [{name: getattr(value, name) for name in value.arg_constraints}, _state(value)]
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    return _state(value) if hasattr(value, "__dict__") else None


def _state(value: Any) -> dict[str, Any]:
    """What an object holds, but for what it finds out by itself."""
    kind = type(value)
    return {
        name: part
        for name, part in sorted(vars(value).items())
        if not isinstance(inspect.getattr_static(kind, name, None), _LATER)
        and not ("cache" in name or name == "_validate_args")
        and not (part is None or isinstance(part, weakref.ref))
        and (name != "_inv" or isinstance(value, _InverseTransform))
    }


def _numbers(value: Tensor | np.ndarray, above: tuple[int, ...]) -> str:
    """Digest of an array."""
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return text_of(value.tolist(), above)
    head = f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return f"{head} {hashlib.sha256(value.tobytes()).hexdigest()}"


def state_text(module: nn.Module | None) -> str:
    """The numbers of a module, as they are now."""
    if module is None:
        return ""
    return text_of({name: value for name, value in _named(module) if not nn.parameter.is_lazy(value)})


def _named(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _without_address(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
