"""Settings of priors and likelihoods, refused when they are given and not in the middle of a fit."""

from numbers import Integral, Real
from typing import Any

import torch
from pyro.distributions import Distribution

from bayes_mtl._errors import InputError, InputTypeError, message


def check_priors(settings: object, *names: str, positive: bool = False, scalar: bool = False) -> None:
    """Refuse settings that are no prior of numbers.

    Parameters
    ----------
    settings
        What has them, a frozen dataclass.
    names
        Of the settings.
    positive
        Whether the numbers must be positive, as those of a scale.
    scalar
        Whether there is one number only; else priors of several may differ (a batch shape).

    Raises
    ------
    InputTypeError
        For what is no Pyro distribution: torch's own lack what a Pyro program asks of them.
    InputError
        For vectors, for whole numbers, and, with ``positive``, for a support that reaches below 0: such a
        fit comes to an end, with negative scales.
    """
    usual = "HalfNormal(1.0)" if positive else "Normal(0.0, 1.0)"
    for name in names:
        value: Any = getattr(settings, name)
        if not isinstance(value, Distribution):
            remedy = _of_pyro(value, usual)
            raise InputTypeError(message(_at(settings, name), "a Pyro distribution", _kind(value), remedy))
        if value.event_shape or (scalar and value.batch_shape):
            expected, found = "a prior of one number", f"shape {(*value.batch_shape, *value.event_shape)}"
        elif value.support.is_discrete or (positive and not _above_zero(value.support)):
            expected = f"a prior of {'positive numbers' if positive else 'numbers that vary continuously'}"
            found = f"{type(value).__name__} with the support {value.support}"
        else:
            continue
        raise InputError(message(_at(settings, name), expected, found, f"Try pyro.distributions.{usual}."))


def check_spreads(settings: object, *names: str) -> None:
    """Refuse settings that are neither a number above 0 nor a prior of one."""
    for name in names:
        if isinstance(getattr(settings, name), Distribution):
            check_priors(settings, name, positive=True, scalar=True)
        else:
            check_positive(settings, name, remedy="Pass one, or a prior: pyro.distributions.HalfNormal(1.0).")


def check_positive(settings: object, *names: str, remedy: str = "Try 1.0.") -> None:
    """Refuse settings that are no finite number above 0."""
    for name in names:
        value = require_number(settings, name, remedy)
        if not 0 < value < float("inf"):
            raise InputError(message(_at(settings, name), "a number above 0", value, remedy))


def require_number(settings: object, name: str, remedy: str = "Pass a number.") -> float:
    """The setting, which must be one number.

    Raises
    ------
    InputTypeError
        For anything else.
    """
    value = getattr(settings, name)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(message(_at(settings, name), "a number", _kind(value), remedy))
    return float(value)


def check_whole(settings: object, name: str, least: int, remedy: str) -> None:
    """Refuse a setting that is no whole number from ``least``."""
    require_number(settings, name, remedy)
    value = getattr(settings, name)
    if not isinstance(value, Integral) or value < least:
        raise InputError(message(_at(settings, name), f"a whole number, at least {least}", value, remedy))


def _at(settings: object, name: str) -> str:
    return f"{name} of {type(settings).__name__}"


def _above_zero(support: Any) -> bool:
    # of mixtures, and of whatever else wraps another support
    while (inner := getattr(support, "base_constraint", None)) is not None:
        support = inner
    lower = getattr(support, "lower_bound", None)
    return lower is not None and bool((torch.as_tensor(lower) >= 0).all())


def _kind(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, torch.distributions.Distribution):
        return f"torch.distributions.{type(value).__name__}"
    return repr(value) if isinstance(value, (Real, str)) else type(value).__name__


def _of_pyro(value: object, usual: str) -> str:
    if isinstance(value, torch.distributions.Distribution):
        return f"Take Pyro's: pyro.distributions.{type(value).__name__}."
    fixed = "pyro.distributions.LogNormal(log of it, 0.01)"
    more = (
        f"; to all but fix a scale, {fixed}" if usual.startswith("Half") and isinstance(value, Real) else ""
    )
    return f"Try pyro.distributions.{usual}{more}."
