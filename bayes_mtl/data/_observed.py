"""The optional columns of observations."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, as_column
from bayes_mtl.data._columns_encoder import numeric_column
from bayes_mtl.data._names import positions

COLUMNS = ("noise", "offset", "trials", "weight", "censored")


def named_columns(frame: Any, given: Mapping[str, Any]) -> dict[str, np.ndarray | None]:
    """Take the optional columns, given by name, out of a frame."""
    columns: dict[str, np.ndarray | None] = {}
    for argument, name in given.items():
        if name is not None and not isinstance(name, str):
            raise InputTypeError(
                message(argument, "the name of a column", type(name).__name__, "Put it into the frame first.")
            )
        values = None if name is None else numeric_column(frame, name, argument)
        boolean = values is not None and frame[name].dtype.kind == "b"
        columns[argument] = values.astype(bool) if values is not None and boolean else values
    return columns


def observed_columns(
    given: Mapping[str, Any], y: np.ndarray, argument: str | None = None
) -> dict[str, np.ndarray | None]:
    """Check `noise`, `offset`, `trials`, `weight`, `censored`; those not given are None.

    Errors name the column, or ``argument``.
    """
    columns = {
        name: None if given.get(name) is None else as_column(given[name], argument or name, len(y))
        for name in COLUMNS
    }
    noise, trials, weight, censored = (columns[name] for name in ("noise", "trials", "weight", "censored"))
    if noise is not None:
        _refuse(
            argument or "noise",
            noise <= 0,
            "standard deviations above 0",
            noise,
            "Drop observations without noise.",
        )
    if weight is not None:
        _refuse(
            argument or "weight",
            weight < 0,
            "weights of at least 0",
            weight,
            "Use 0 to leave an observation out.",
        )
    if trials is not None:
        whole = trials != np.floor(trials)
        _refuse(
            argument or "trials",
            whole | (trials < 1),
            "whole numbers of at least 1",
            trials,
            "Count the trials.",
        )
        _refuse(
            argument or "trials",
            trials < y,
            "at least as many trials as successes (y)",
            trials,
            "Check both columns.",
        )
    if censored is not None:
        kind = as_array(given["censored"], argument or "censored").dtype.kind
        if kind != "b" and not np.isin(censored, (0.0, 1.0)).all():
            raise InputTypeError(
                message(argument or "censored", "True or False", "other numbers", "Convert it to booleans.")
            )
        columns["censored"] = censored.astype(bool)
    return columns


def _refuse(argument: str, bad: np.ndarray, expected: str, values: np.ndarray, remedy: str) -> None:
    if bad.any():
        found = f"{values[bad][0]:g} among {positions(bad)}"
        raise InputError(message(argument, expected, found, remedy))
