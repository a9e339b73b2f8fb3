"""What is known beside targets of sequences: noise, offset, trials, weight, censoring."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._names import label_text, listed
from bayes_mtl.data._observed import observed_columns
from bayes_mtl.data._sequence_tables import Table

NEUTRAL = {"noise": 1.0, "offset": 0.0, "trials": 1.0, "weight": 1.0, "censored": 0.0}
"""Values that are never refused, for places without a target."""
UNKNOWN = {**NEUTRAL, "noise": np.nan, "trials": np.nan}
"""What the targets that were not named get: a known noise and a number of trials have no default."""

Given = Mapping[str, Mapping[str, Any] | None]


def check_named(given: Given, targets: list[str]) -> None:
    """Refuse what is not target -> values, and names that no target has."""
    for column, mapping in given.items():
        if mapping is None:
            continue
        if not isinstance(mapping, Mapping):
            found = type(mapping).__name__
            raise InputTypeError(message(column, "target -> values", found, "Pass a dict."))
        unknown = [key for key in mapping if label_text(key) not in targets]
        if unknown:
            expected = f"names of targets ({listed(dict.fromkeys(targets))})"
            raise InputError(message(column, expected, listed(unknown), "Correct or drop them."))


def columns_beside(
    given: Given, name: str, y: np.ndarray, table: Callable[[str, Any], Table]
) -> dict[str, np.ndarray]:
    """Each column that was given, beside the places of one target.

    Parameters
    ----------
    given
        Column -> target -> values; None or empty for columns that no target has.
    name
        Of the target.
    y
        ``[places, labels]``, NaN where there is no target; nothing is asked of the columns there.
    table
        From a name for errors and values as the user gave them to ``[places]`` or ``[places, labels]``.

    Returns
    -------
    dict
        Column -> ``[places, labels]``.
    """
    there = ~np.isnan(y)
    found = {}
    for column, mapping in given.items():
        if not mapping:
            continue
        own = {label_text(key): values for key, values in mapping.items()}
        if name not in own:
            found[column] = np.full(y.shape, UNKNOWN[column])
            continue
        argument = f"{column}[{name!r}]"
        values = _broadcast(argument, own[name], y.shape, table)
        values = np.where(there, values, NEUTRAL[column])
        for label in range(y.shape[1]):
            known = np.where(there[:, label], y[:, label], 0.0)
            observed_columns({column: values[:, label]}, known, argument)
        found[column] = values
    return found


def _broadcast(
    argument: str, values: Any, shape: tuple[int, ...], table: Callable[[str, Any], Table]
) -> np.ndarray:
    """One number for all, one a place for all labels, or one a place and label."""
    if np.isscalar(values) or getattr(values, "ndim", 1) == 0:
        if isinstance(values, (str, bytes)):
            raise InputTypeError(message(argument, "numbers", repr(values), "Pass numbers."))
        return np.full(shape, float(values))
    own, _ = table(argument, values)
    own = own.reshape(len(own), -1)
    if own.shape[1] not in (1, shape[1]):
        expected = f"one value, or {shape[1]} labels as the target has"
        raise InputError(message(argument, expected, f"{own.shape[1]} labels", "Make them agree."))
    return np.broadcast_to(own, shape)
