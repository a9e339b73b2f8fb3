"""Where in sequences targets stand, and where sequences end."""

from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_indices
from bayes_mtl.data._dataset_rows import Rows
from bayes_mtl.data._names import positions


def as_places(
    x: Rows, row: np.ndarray, length: Any, step: Any
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """``[rows]`` number of valid steps and ``[observations]`` step of each observation, or None.

    Raises
    ------
    InputError
        For either without sequences, a sequence without a step, or a target behind the end of its sequence.
    """
    for argument, given in (("step", step), ("length", length)):
        if given is not None and x.ndim != 3:
            raise InputError(
                message(
                    argument, "x of [rows, steps, features]", f"shape {x.shape}", f"Leave {argument} out."
                )
            )
    if length is not None:
        length = as_lengths(length, len(x), x.shape[1])
    if step is not None:
        step = as_indices(step, "step", len(row), x.shape[1], "steps")
        if length is not None and (step >= length[row]).any():
            raise InputError(
                message(
                    "step",
                    "steps before the end of their sequence",
                    f"later ones at {positions(step >= length[row])}",
                    "Drop these targets, or correct length.",
                )
            )
    return length, step


def as_lengths(length: Any, rows: int, steps: int) -> np.ndarray:
    """``[rows]`` int64 from 1 to ``steps``."""
    found = as_indices(length, "length", rows, steps + 1, "steps (and the end of the last)")
    if (found < 1).any():
        raise InputError(
            message(
                "length", "at least 1 step in every sequence", f"0 in {positions(found < 1)}", "Drop them."
            )
        )
    return found
