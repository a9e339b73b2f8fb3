"""Targets as numbers: measurements as they are, everything else as positions of classes."""

from typing import Any

import numpy as np
import torch

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, is_pandas
from bayes_mtl.data._labels import encode_labels, is_categorical, object_array
from bayes_mtl.data._names import listed, positions

_FEW = 20
"""More classes than this, texts that all read as numbers, are numbers stored as text."""


def encode_targets(values: Any, argument: str = "y") -> tuple[np.ndarray, tuple[str, ...]]:
    """``[observations]`` float64 and the names of classes, which are empty for numbers.

    Booleans, text and pandas categories are classes, in the order of `encode_labels`; a class without
    an observation stays a class.
    """
    if is_categorical(values):
        return _classes(values, argument)
    values = _as_vector(values, argument)
    kind = getattr(values.dtype, "kind", "O")
    if kind == "O":
        values, kind = _plain_objects(values, argument)
    if kind in "iuf":
        return _numbers(values, argument), ()
    if kind in "bU":
        return _classes(values, argument)
    raise InputTypeError(
        message(argument, "numbers, booleans, text or categories", f"dtype {values.dtype}", "Convert it.")
    )


def has_order(values: Any, classes: tuple[str, ...]) -> bool:
    """Whether the order in which `encode_targets` put classes means something, or is only that of text."""
    if is_categorical(values):
        categorical = values if is_pandas(values, "Categorical") else values.cat
        if categorical.ordered:
            return True
    if set(classes) <= {"False", "True"}:
        return True
    return all(map(_reads_as_number, classes)) and sorted(classes, key=float) == list(classes)


def _as_vector(values: Any, argument: str) -> Any:
    if isinstance(values, torch.Tensor):
        values = as_array(values, argument)
    if not (is_pandas(values, "Series") or isinstance(values, np.ndarray)):
        numbers = isinstance(values, (list, tuple)) and all(isinstance(v, (int, float)) for v in values)
        values = np.asarray(values) if numbers else object_array(values, argument)
    if values.ndim != 1:
        raise InputError(
            message(
                argument,
                "one target an observation",
                f"shape {values.shape}",
                "Use from_outputs for a table.",
            )
        )
    return values


def _plain_objects(values: Any, argument: str) -> tuple[Any, str]:
    """Objects that are all of one plain type, as that type; mixtures are refused."""
    import pandas as pd

    series = pd.Series(values)
    found = pd.api.types.infer_dtype(series, skipna=True)
    if found in ("integer", "floating", "mixed-integer-float", "decimal"):
        return series.astype(np.float64), "f"
    if found == "string":
        return series, "U"
    if found == "boolean":
        return series, "b"
    raise InputTypeError(
        message(
            argument, "numbers, booleans, text or categories", f"{found} objects", "Convert it to one type."
        )
    )


def _numbers(values: Any, argument: str) -> np.ndarray:
    y = np.array(as_array(values, argument), dtype=np.float64)
    bad = ~np.isfinite(y)
    if bad.any():
        raise InputError(
            message(
                argument, "finite targets", f"NaN or infinity in {positions(bad)}", "Drop those observations."
            )
        )
    return y


def _classes(values: Any, argument: str) -> tuple[np.ndarray, tuple[str, ...]]:
    codes, classes = encode_labels(values, argument, unused="keep")
    if len(classes) < 2:
        raise InputError(
            message(argument, "at least 2 classes", listed(classes), "There is nothing to tell apart.")
        )
    # who makes categories of numbers means classes
    if not is_categorical(values) and len(classes) > _FEW and all(map(_reads_as_number, classes)):
        found = f"{len(classes)} texts like {classes[0]!r}"
        raise InputTypeError(
            message(argument, "classes, or numbers", found, "Convert it with pandas.to_numeric.")
        )
    return codes.astype(np.float64), classes


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
