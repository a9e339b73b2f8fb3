"""What is said of sequences or of their steps, as one table."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_array, is_pandas
from bayes_mtl.data._names import label_text

Table = tuple[np.ndarray, list[str] | None]


def table_of_sequences(argument: str, values: Any, length: np.ndarray) -> Table:
    """``[rows]`` or ``[rows, labels]``, and the names of the labels where ``values`` have any."""
    names = [label_text(c) for c in values.columns] if is_pandas(values, "DataFrame") else None
    table = np.array(as_array(values, argument), dtype=np.float64)
    if table.ndim not in (1, 2) or len(table) != len(length):
        expected = f"[{len(length)} sequences], or [{len(length)}, labels]"
        raise InputError(message(argument, expected, f"shape {table.shape}", "Give each sequence one."))
    return table, names


def table_of_steps(argument: str, values: Any, length: np.ndarray, steps: int) -> Table:
    """``[valid steps of all rows]`` or ``[valid steps of all rows, labels]``; their labels have no names."""
    return np.concatenate(list(_steps_of(argument, values, length, steps))), None


def _steps_of(argument: str, values: Any, length: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """Targets of each sequence's valid steps, ``[length]`` or ``[length, labels]``."""
    ragged = isinstance(values, (list, tuple))
    whole = values if ragged else np.asarray(as_array(values, argument))
    if len(whole) != len(length) or (not ragged and (whole.ndim not in (2, 3) or whole.shape[1] != steps)):
        found = f"{len(whole)} sequences" if ragged else f"shape {whole.shape}"
        expected = f"[{len(length)} sequences, {steps} steps], maybe with labels, or a list of [steps]"
        raise InputError(message(argument, expected, found, "Give each step of each sequence one."))
    width = None
    for i, valid in enumerate(length):
        part = np.asarray(as_array(whole[i], f"{argument}[{i}]"), dtype=np.float64)
        width = part.shape[1:] if width is None else width
        if part.ndim not in (1, 2) or part.shape[1:] != width or (ragged and len(part) != valid):
            raise InputError(
                message(
                    f"{argument}[{i}]",
                    f"{valid} steps, of shape {(int(valid), *width)}",
                    f"shape {part.shape}",
                    "Use NaN at steps without a target.",
                )
            )
        yield part[:valid]
