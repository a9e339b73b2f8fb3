"""Checks that likelihoods have in common."""

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData


def check_choice(argument: str, value: object, *choices: str) -> None:
    """Refuse a setting that is none of ``choices``."""
    if value not in choices:
        expected = ", ".join(repr(c) for c in choices[:-1]) + f" or {choices[-1]!r}"
        raise InputError(message(argument, expected, repr(value), "Choose one."))


def check_numbers(data: TaskData, remedy: str) -> None:
    """Refuse targets that are named classes."""
    if data.schema.classes:
        raise InputError(message("y", "numbers", f"classes {data.schema.classes[:3]}", remedy))


def check_support(
    data: TaskData, inside: np.ndarray, expected: str, remedy: str, argument: str = "y"
) -> None:
    """Refuse values of a column where ``inside`` is False, saying how many and which comes first."""
    outside = np.flatnonzero(~inside)
    if outside.size == 0:
        return
    i = outside[0]
    values = data.y if argument == "y" else getattr(data, argument)
    found = (
        f"{outside.size} of {inside.size} outside, the first {values[i]:g} "
        f"at observation {data.index[i]} of task '{data.schema.tasks[data.task[i]]}'"
    )
    raise InputError(message(argument, expected, found, remedy))


def whole(values: np.ndarray) -> np.ndarray:
    """Which values are whole numbers from 0."""
    return (values >= 0) & (values == np.floor(values))
