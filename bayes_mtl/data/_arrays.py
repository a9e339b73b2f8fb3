"""Whatever a user passes as numbers, as a numpy array of a known kind, or an error that says why not."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._names import positions

CHUNK = 1 << 22
"""Numbers read at once from arrays that may be larger than memory (32 MiB as float64)."""


def chunks(length: int, width: int) -> Iterator[slice]:
    """Slices of ``range(length)`` that hold about `CHUNK` numbers where each entry holds ``width``."""
    step = max(1, CHUNK // max(1, width))
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def is_pandas(value: object, kind: str) -> bool:
    """Whether ``value`` is a pandas ``kind``, asked without importing pandas."""
    return any(
        base.__module__.split(".")[0] == "pandas" and base.__name__ == kind for base in type(value).__mro__
    )


def as_array(value: Any, argument: str) -> np.ndarray:
    """``value`` as a numpy array of numbers or booleans; a memory-mapped array stays one.

    Raises
    ------
    InputTypeError
        For text, dates, complex numbers, objects and sparse or ragged input.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    elif is_pandas(value, "Series") or is_pandas(value, "DataFrame"):
        value = _numeric_pandas(value, argument)
    if not isinstance(value, np.ndarray):
        try:
            value = np.asarray(value)
        except (ValueError, TypeError) as error:
            raise InputTypeError(
                message(
                    argument, "an array of numbers", f"{type(value).__name__} ({error})", "Pass one array."
                )
            ) from error
    if value.dtype.kind not in "biuf":
        raise InputTypeError(
            message(
                argument,
                "numbers",
                f"dtype {value.dtype}",
                "Convert it first, or use TaskData.from_frame with formula= for categories.",
            )
        )
    array: np.ndarray = value
    return array


def as_numbers(name: str, dtype: Any) -> str:
    """How a column of dates or durations becomes numbers, the same ones at prediction; empty for others."""
    zone = getattr(dtype, "tz", None)
    start = f"pandas.Timestamp('2020-01-01'{'' if zone is None else f', tz={str(zone)!r}'})"
    how = {
        "M": f"(frame[{name!r}] - {start}) / pandas.Timedelta('1D')",
        "m": f"frame[{name!r}] / pandas.Timedelta('1D')",
    }.get(getattr(dtype, "kind", "O"))
    return "" if how is None else f"Convert it, for example to days: {how}."


def _numeric_pandas(value: Any, argument: str) -> np.ndarray:
    """Nullable dtypes of pandas carry their own missing value; here it becomes NaN."""
    dtypes = list(value.dtypes) if is_pandas(value, "DataFrame") else [value.dtype]
    names = list(value.columns) if is_pandas(value, "DataFrame") else [argument]
    for name, dtype in zip(names, dtypes, strict=True):
        if getattr(dtype, "kind", "O") not in "biuf" or getattr(dtype, "name", "") == "category":
            raise InputTypeError(
                message(
                    argument,
                    "numeric or boolean columns",
                    f"'{name}' of dtype {dtype}",
                    as_numbers(name, dtype)
                    or f"Use from_frame with formula='... + C({name})' to encode categories.",
                )
            )
    booleans = [dtype.kind == "b" for dtype in dtypes]
    mixed = any(booleans) and not all(booleans)  # of which pandas makes objects
    if mixed or any(not isinstance(dtype, np.dtype) for dtype in dtypes):
        array: np.ndarray = value.to_numpy(dtype=np.float64, na_value=np.nan)
        return array
    plain: np.ndarray = value.to_numpy()
    return plain


def as_column(value: Any, argument: str, length: int) -> np.ndarray:
    """Fresh ``[length]`` float64 array without missing or infinite values."""
    array = as_array(value, argument)
    if array.ndim != 1:
        raise InputError(
            message(argument, "one value an observation", f"shape {array.shape}", "Pass a flat array.")
        )
    if len(array) != length:
        raise InputError(
            message(argument, f"{length} values, one an observation", len(array), "Make the lengths agree.")
        )
    column = np.array(array, dtype=np.float64)
    bad = ~np.isfinite(column)
    if bad.any():
        raise InputError(
            message(argument, "finite numbers", f"NaN or infinity in {positions(bad)}", "Drop or fill them.")
        )
    return column


def as_indices(value: Any, argument: str, length: int, below: int, things: str) -> np.ndarray:
    """Fresh ``[length]`` int64 array with entries in ``[0, below)``."""
    array = as_array(value, argument)
    if array.dtype.kind not in "iu":
        raise InputTypeError(
            message(argument, "integers", f"dtype {array.dtype}", f"Pass positions of {things}, from 0.")
        )
    if array.shape != (length,):
        raise InputError(
            message(
                argument, f"{length} values, one an observation", f"shape {array.shape}", "Pass a flat array."
            )
        )
    outside = (array < 0) | (array >= below)
    if outside.any():
        raise InputError(
            message(
                argument,
                f"positions from 0 to {below - 1}",
                f"{array[outside][0]} at observation {np.flatnonzero(outside)[0]}",
                f"There are {below} {things}.",
            )
        )
    return np.array(array, dtype=np.int64)


def check_finite(x: Any, names: Sequence[str], argument: str = "x") -> None:
    """Refuse NaN and infinity in ``[rows, ..., features]``, read in chunks, naming the feature."""
    if x.dtype.kind != "f":
        return
    for part in chunks(len(x), int(np.prod(x.shape[1:]))):
        bad = ~np.isfinite(np.asarray(x[part]))
        if not bad.any():
            continue
        feature = int(np.flatnonzero(bad.reshape(-1, x.shape[-1]).any(0))[0])
        rows = np.zeros(len(x), dtype=bool)
        rows[part] = bad[..., feature].reshape(len(bad), -1).any(1)
        raise InputError(
            message(
                argument,
                "finite features",
                f"NaN or infinity in feature '{names[feature]}', {positions(rows)}",
                "Drop or fill them.",
            )
        )
