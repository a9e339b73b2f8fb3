"""Numeric columns, by name or in order, as an array."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, as_numbers, check_finite, is_pandas
from bayes_mtl.data._names import label_text, listed, positions, suggestion


def as_frame(rows: Any, argument: str) -> Any:
    """Frame whose columns are named by text, also from a mapping of columns; rows are shared."""
    if is_pandas(rows, "DataFrame"):
        frame = rows.copy(deep=False)
        frame.columns = [label_text(column) for column in rows.columns]
        return frame
    if isinstance(rows, Mapping):
        import pandas as pd

        try:
            return pd.DataFrame({label_text(name): column for name, column in rows.items()})
        except ValueError as error:
            raise InputError(
                message(argument, "columns of one length", str(error), "Pass a DataFrame.")
            ) from error
    raise InputTypeError(
        message(argument, "a pandas DataFrame", type(rows).__name__, "Build one with pandas.DataFrame(...).")
    )


def check_column(frame: Any, name: str, argument: str) -> None:
    """Refuse a column that the frame lacks, or has twice."""
    count = int((frame.columns == name).sum())
    if count == 1:
        return
    known = list(frame.columns)
    found, remedy = repr(name), f"{suggestion(name, known)}Its columns are {listed(known, 12)}."
    if count:
        found, remedy = f"{name!r}, which it has {count} times", "Rename one of these, or drop it."
    raise InputError(message(argument, "the name of one column of the frame", found, remedy))


def complete_column(frame: Any, name: str, argument: str) -> Any:
    """One column of any kind, without missing values."""
    column = frame[name]
    missing = column.isna().to_numpy()
    if missing.any():
        raise InputError(
            message(argument, f"no missing values in {name!r}", positions(missing), "Drop those rows first.")
        )
    return column


def numeric_column(frame: Any, name: str, argument: str = "x") -> np.ndarray:
    """One numeric or boolean column as a fresh float64 array, without missing values."""
    check_column(frame, name, argument)
    column = frame[name]
    kind = getattr(column.dtype, "kind", "O")
    if kind not in "biuf":
        raise InputTypeError(
            message(
                argument,
                "numeric or boolean columns",
                f"{name!r} of dtype {column.dtype}",
                as_numbers(name, column.dtype) or _numbers_or_classes(name, kind),
            )
        )
    values = np.array(column.to_numpy(dtype=np.float64, na_value=np.nan))
    missing = np.isnan(values)
    if missing.any():
        raise InputError(
            message(argument, f"no missing values in {name!r}", positions(missing), "Drop or fill them.")
        )
    if np.isinf(values).any():
        raise InputError(
            message(
                argument, f"finite numbers in {name!r}", positions(np.isinf(values)), "Drop or fill them."
            )
        )
    return values


def _numbers_or_classes(name: str, kind: str) -> str:
    if kind == "c":
        return f"Take a real part of it: frame[{name!r}] = frame[{name!r}].abs()."
    # text, Decimals and the like may be either
    numbers = f"Convert numbers: frame[{name!r}] = pd.to_numeric(frame[{name!r}]). " if kind == "O" else ""
    return f"{numbers}Encode a category with formula='... + C({name})'."


def encode_columns(rows: Any, names: Sequence[str]) -> np.ndarray:
    """``[rows, names]`` float64 from a frame (columns by name) or an array (columns in order)."""
    if is_pandas(rows, "DataFrame") or isinstance(rows, Mapping):
        frame = as_frame(rows, "rows")
        columns = [numeric_column(frame, name, "rows") for name in names]
        return np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))
    array = as_array(rows, "rows")
    if array.ndim not in (2, 3) or array.shape[-1] != len(names):
        raise InputError(
            message(
                "rows",
                f"[rows, {len(names)}] features ({listed(names)})",
                f"shape {array.shape}",
                "Pass the features the model was fitted on, in that order.",
            )
        )
    check_finite(array, names, "rows")
    return np.array(array, dtype=np.float64)
