"""Columns of a frame as a formula may see them: numbers, or categories with known levels."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_numbers
from bayes_mtl.data._columns_encoder import check_column
from bayes_mtl.data._names import label_text, listed, positions, suggestion

Level = str | int | float | bool


def prepare_frame(
    frame: Any, columns: Mapping[str, tuple[Level, ...] | None], fitting: bool
) -> tuple[Any, dict[str, tuple[Level, ...] | None]]:
    """A new frame of the used columns, and the levels of each (None for numbers).

    When ``fitting``, levels are found: those present, pandas categories in their own order and text
    sorted. Afterwards a column must hold what it held then, and a new level is refused.
    """
    import pandas as pd

    prepared: dict[str, Any] = {}
    found: dict[str, tuple[Level, ...] | None] = {}
    for name, levels in columns.items():
        check_column(frame, name, "formula")
        column = frame[name]
        missing = column.isna().to_numpy()
        if missing.any():
            raise InputError(
                message("formula", f"no missing values in {name!r}", positions(missing), "Drop or fill them.")
            )
        texts = _texts(column, name)
        if not fitting and (texts is None) != (levels is None):
            kinds = ("numbers", "categories") if levels is None else ("categories", "numbers")
            raise InputTypeError(
                message("rows", f"{kinds[0]} in {name!r}", kinds[1], "Give it the type it was fitted with.")
            )
        if texts is None:
            prepared[name] = _numbers(column)
            found[name] = None
            continue
        known = _present(column, texts) if levels is None else levels
        _refuse_new(name, pd.unique(texts), known)
        prepared[name] = pd.Categorical(texts, categories=list(known))
        found[name] = known
    return pd.DataFrame(prepared, index=pd.RangeIndex(len(frame))), found


def check_levels(prepared: Any, levels: Mapping[str, tuple[Level, ...]]) -> None:
    """Refuse new levels of numeric columns that the formula declares categories, as in ``C(year)``."""
    for expression, known in levels.items():
        name = _inner_column(expression)
        if name in prepared.columns:
            _refuse_new(name, prepared[name].unique(), known)


def _inner_column(expression: str) -> str:
    """``year`` of ``C(year, ...)``; the expression itself where it is no call."""
    quoted = re.fullmatch(r"\w+\(\s*`([^`]*)`.*\)", expression)
    plain = re.fullmatch(r"\w+\(\s*(\w+)\s*(,.*)?\)", expression)
    found = quoted or plain
    return found.group(1) if found else expression


def _texts(column: Any, name: str) -> np.ndarray | None:
    """Values of a categorical column, None for a column of numbers."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        named = {label: _plain(label) for label in column.cat.categories}
        return np.array([named[value] for value in column], dtype=object)
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf":
        return None
    if kind in "OUT" and pd.api.types.infer_dtype(column, skipna=True) == "string":
        return np.array(list(column), dtype=object)
    raise InputTypeError(
        message(
            "formula",
            "columns of numbers, booleans, text or categories",
            f"{name!r} of dtype {column.dtype}",
            as_numbers(name, column.dtype)
            or "Convert the column, e.g. with .astype(float) or .astype('category').",
        )
    )


def _plain(label: Any) -> Level:
    """A level that JSON can hold; intervals and dates by their text."""
    value = label.item() if isinstance(label, np.generic) else label
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _numbers(column: Any) -> np.ndarray:
    """Plain numpy numbers also from pandas' nullable dtypes; integers stay integers."""
    kind = column.dtype.kind
    values: np.ndarray = column.to_numpy(dtype={"b": bool, "f": np.float64}.get(kind, np.int64))
    return values


def _present(column: Any, texts: np.ndarray) -> tuple[Level, ...]:
    seen = set(texts)
    if hasattr(column, "cat"):
        return tuple(level for level in map(_plain, column.cat.categories) if level in seen)
    return tuple(sorted(seen))


def _refuse_new(name: str, values: Any, known: tuple[Level, ...]) -> None:
    seen_before = set(known)
    for value in values:
        if value not in seen_before:
            raise InputError(
                message(
                    f"column {name!r}",
                    f"one of {listed(known, 12)}",
                    repr(label_text(value)),
                    f"{suggestion(value, [label_text(level) for level in known])}"
                    "A category that was not in the data has no weight; drop these rows or merge levels.",
                )
            )
