"""Targets of sequences, of their steps, or at a step of theirs, as observations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_array, as_indices, is_pandas
from bayes_mtl.data._names import label_text, listed, positions, repeated


@dataclass(frozen=True, eq=False)
class SequenceTargets:
    """Observations of sequences.

    Attributes
    ----------
    tasks, groups
        Names of the tasks, and of the target each belongs to where that has several labels (else empty).
    row, step, task, y
        ``[observations]``.
    """

    tasks: tuple[str, ...]
    groups: tuple[str, ...]
    row: np.ndarray
    step: np.ndarray
    task: np.ndarray
    y: np.ndarray

    def weights(self, given: Mapping[str, float] | None) -> np.ndarray | None:
        """``[observations]`` from target -> weight; None for none."""
        if given is None:
            return None
        own = {label_text(name): value for name, value in given.items()}
        names = [group or task for task, group in zip(self.tasks, self.groups or self.tasks, strict=True)]
        unknown = [name for name in own if name not in names]
        if unknown:
            expected = f"names of targets ({listed(dict.fromkeys(names))})"
            raise InputError(message("weight", expected, listed(unknown), "Correct or drop them."))
        found: np.ndarray = np.array([float(own.get(name, 1.0)) for name in names])[self.task]
        return found


def sequence_targets(
    per_sequence: Mapping[str, Any] | None,
    at_step: Mapping[str, Any] | None,
    per_step: Mapping[str, Any] | None,
    labels: Mapping[str, Sequence[str]] | None,
    length: np.ndarray,
    steps: int,
) -> SequenceTargets:
    """Every target that is not NaN, as an observation of its task.

    Parameters
    ----------
    per_sequence, at_step, per_step, labels
        As in `TaskData.from_sequences`.
    length
        ``[rows]``: valid steps.
    steps
        Of the longest sequence.
    """
    tasks: list[str] = []
    groups: list[str] = []
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for kind, given in (("per_sequence", per_sequence), ("at_step", at_step), ("per_step", per_step)):
        if given is not None and not isinstance(given, Mapping):
            raise InputTypeError(message(kind, "target -> values", type(given).__name__, "Pass a dict."))
        for key, values in (given or {}).items():
            name = label_text(key)
            argument = f"{kind}[{name!r}]"
            row, step, table, found = _placed(kind, argument, values, length, steps)
            known = _labels(name, (labels or {}).get(key), found, table)
            for label, column in zip(known, table.reshape(len(table), -1).T, strict=True):
                if np.isinf(column).any():
                    raise InputError(message(argument, "finite targets or NaN", "infinity", "Use NaN."))
                tasks.append(name if label is None else f"{name}[{label}]")
                groups.append("" if label is None else name)
                there = ~np.isnan(column)
                columns.append((row[there], step[there], column[there]))
    _check_names(tasks, labels, groups)
    sizes = [len(y) for _, _, y in columns]
    rows, at, y = (np.concatenate([column[i] for column in columns]) for i in range(3))
    task = np.repeat(np.arange(len(tasks)), sizes)
    return SequenceTargets(tuple(tasks), tuple(groups) if any(groups) else (), rows, at, task, y)


def _check_names(tasks: list[str], labels: Mapping[str, Sequence[str]] | None, groups: list[str]) -> None:
    if not tasks:
        raise InputError(
            message("targets", "at least one", "none", "Pass per_sequence=, at_step= or per_step=.")
        )
    if repeated(tasks):
        raise InputError(
            message("targets", "different names", listed(repeated(tasks)), "Rename one of them.")
        )
    idle = [key for key in labels or {} if label_text(key) not in groups]
    if idle:
        raise InputError(
            message("labels", "targets with several labels", listed(idle), "Leave the others out.")
        )


def _placed(
    kind: str, argument: str, values: Any, length: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str] | None]:
    """Row and step ``[n]`` of possible targets, their values ``[n]`` or ``[n, labels]``, names found."""
    rows = np.arange(len(length))
    if kind == "per_step":
        parts = list(_steps_of(argument, values, length, steps))
        step = np.concatenate([np.arange(n) for n in length])
        return np.repeat(rows, length), step, np.concatenate(parts), None
    step = length - 1
    if kind == "at_step":
        if not isinstance(values, tuple) or len(values) != 2:
            raise InputTypeError(
                message(argument, "(values, step)", type(values).__name__, "Pass both as a tuple.")
            )
        values, step = values
        whole = np.full(len(length), step) if np.ndim(step) == 0 else step
        step = as_indices(whole, f"{argument} step", len(length), steps, "steps")
    names = [label_text(c) for c in values.columns] if is_pandas(values, "DataFrame") else None
    table = np.array(as_array(values, argument), dtype=np.float64)
    if table.ndim not in (1, 2) or len(table) != len(length):
        expected = f"[{len(length)} sequences], or [{len(length)}, labels]"
        raise InputError(message(argument, expected, f"shape {table.shape}", "Give each sequence one."))
    beyond = (step >= length) & ~np.isnan(table.reshape(len(table), -1)).all(1)
    if beyond.any():
        raise InputError(
            message(
                argument,
                "targets at steps that their sequence has",
                f"later ones at {positions(beyond)}",
                "Use NaN for sequences that end before.",
            )
        )
    return rows, step, table, names


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


def _labels(
    name: str, given: Sequence[str] | None, found: list[str] | None, table: np.ndarray
) -> Sequence[str | None]:
    """Names of the labels of a target; a single None where it is a single number."""
    if table.ndim == 1:
        return (None,)
    labels = [str(i) for i in range(table.shape[1])] if found is None else found
    labels = labels if given is None else [label_text(label) for label in given]
    if len(labels) != table.shape[1]:
        raise InputError(
            message(f"labels[{name!r}]", f"{table.shape[1]} names", len(labels), "Name each label once.")
        )
    return labels
