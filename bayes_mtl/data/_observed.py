"""The optional columns of observations."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, as_column
from bayes_mtl.data._names import positions

COLUMNS = ("noise", "offset", "trials", "weight", "censored")


def observed_columns(given: Mapping[str, Any], y: np.ndarray) -> dict[str, np.ndarray | None]:
    """Check `noise`, `offset`, `trials`, `weight`, `censored`; those not given are None."""
    columns = {
        name: None if given.get(name) is None else as_column(given[name], name, len(y)) for name in COLUMNS
    }
    noise, trials, weight, censored = (columns[name] for name in ("noise", "trials", "weight", "censored"))
    if noise is not None:
        _refuse("noise", noise <= 0, "standard deviations above 0", noise, "Drop observations without noise.")
    if weight is not None:
        _refuse("weight", weight < 0, "weights of at least 0", weight, "Use 0 to leave an observation out.")
    if trials is not None:
        whole = trials != np.floor(trials)
        _refuse("trials", whole | (trials < 1), "whole numbers of at least 1", trials, "Count the trials.")
        _refuse(
            "trials", trials < y, "at least as many trials as successes (y)", trials, "Check both columns."
        )
    if censored is not None:
        kind = as_array(given["censored"], "censored").dtype.kind
        if kind != "b" and not np.isin(censored, (0.0, 1.0)).all():
            raise InputTypeError(
                message("censored", "True or False", "other numbers", "Convert it to booleans.")
            )
        columns["censored"] = censored.astype(bool)
    return columns


def _refuse(argument: str, bad: np.ndarray, expected: str, values: np.ndarray, remedy: str) -> None:
    if bad.any():
        found = f"{values[bad][0]:g} among {positions(bad)}"
        raise InputError(message(argument, expected, found, remedy))
