"""Targets as numbers: measurements as they are, everything else as positions of classes."""

from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, is_pandas
from bayes_mtl.data._labels import encode_labels
from bayes_mtl.data._names import listed, positions


def encode_targets(values: Any, argument: str = "y") -> tuple[np.ndarray, tuple[str, ...]]:
    """``[observations]`` float64 and the names of classes, which are empty for numbers.

    Booleans, text and pandas categories are classes, in the order of `encode_labels`; a class without
    an observation stays a class.
    """
    if is_pandas(values, "Series") or is_pandas(values, "Categorical"):
        kind = "O" if values.dtype.name == "category" else getattr(values.dtype, "kind", "O")
    elif isinstance(values, np.ndarray) or not isinstance(values, (list, tuple)):
        kind = (
            as_array(values, argument).dtype.kind if not isinstance(values, np.ndarray) else values.dtype.kind
        )
    else:
        values = np.asarray(values) if not any(isinstance(v, str) or v is None for v in values) else values
        kind = values.dtype.kind if isinstance(values, np.ndarray) else "O"
    if kind == "O":
        values, kind = _plain_objects(values, argument)
    if kind in "iuf":
        return _numbers(values, argument), ()
    if kind not in "bOUT":
        raise InputTypeError(
            message(argument, "numbers, booleans, text or categories", f"dtype {values.dtype}", "Convert it.")
        )
    codes, classes = encode_labels(values, argument, unused="keep")
    if len(classes) < 2:
        raise InputError(
            message(argument, "at least 2 classes", listed(classes), "There is nothing to tell apart.")
        )
    return codes.astype(np.float64), classes


def _plain_objects(values: Any, argument: str) -> tuple[Any, str]:
    """Object columns that hold one plain type; mixtures are refused."""
    import pandas as pd

    if (
        is_pandas(values, "Categorical")
        or getattr(values.dtype if hasattr(values, "dtype") else None, "name", "") == "category"
    ):
        return values, "O"
    series = pd.Series(values)
    found = pd.api.types.infer_dtype(series, skipna=True)
    if found in ("integer", "floating", "mixed-integer-float", "decimal"):
        return series.astype(np.float64), "f"
    if found not in ("string", "boolean"):
        raise InputTypeError(
            message(
                argument, "numbers, booleans, text or categories", f"{found} objects", "Convert the column."
            )
        )
    return series, "O"


def _numbers(values: Any, argument: str) -> np.ndarray:
    y = np.array(as_array(values, argument), dtype=np.float64)
    if y.ndim != 1:
        raise InputError(
            message(
                argument, "one target an observation", f"shape {y.shape}", "Use from_outputs for a table."
            )
        )
    bad = ~np.isfinite(y)
    if bad.any():
        raise InputError(
            message(
                argument, "finite targets", f"NaN or infinity in {positions(bad)}", "Drop those observations."
            )
        )
    return y
