"""Targets of sequences, of their steps, or at a step of theirs, as observations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import as_indices
from bayes_mtl.data._names import label_text, listed, name_list, positions, repeated
from bayes_mtl.data._sequence_columns import Given, check_named, columns_beside
from bayes_mtl.data._sequence_tables import Table, table_of_sequences, table_of_steps


@dataclass(frozen=True, eq=False)
class SequenceTargets:
    """Observations of sequences.

    Attributes
    ----------
    tasks, groups
        Names of the tasks, and of the target each belongs to where that has several labels (else empty).
    row, step, task, y
        ``[observations]``.
    columns
        ``[observations]`` each: what was given of noise, offset, trials, weight and censoring.
    """

    tasks: tuple[str, ...]
    groups: tuple[str, ...]
    row: np.ndarray
    step: np.ndarray
    task: np.ndarray
    y: np.ndarray
    columns: Mapping[str, np.ndarray]


def sequence_targets(
    per_sequence: Mapping[str, Any] | None,
    at_step: Mapping[str, Any] | None,
    per_step: Mapping[str, Any] | None,
    labels: Mapping[str, Sequence[str]] | None,
    given: Given,
    length: np.ndarray,
    steps: int,
) -> SequenceTargets:
    """Every target that is not NaN, as an observation of its task.

    Parameters
    ----------
    per_sequence, at_step, per_step, labels
        As in `TaskData.from_sequences`.
    given
        The optional columns: column -> target -> values, or None.
    length
        ``[rows]``: valid steps.
    steps
        Of the longest sequence.
    """
    if labels is not None and not isinstance(labels, Mapping):
        found_in = type(labels).__name__
        raise InputTypeError(message("labels", "target -> names", found_in, "Pass a dict."))
    named = {label_text(key): own for key, own in (labels or {}).items()}
    asked = list(_asked(per_sequence, at_step, per_step))
    check_named(given, [name for _, name, _ in asked])
    tasks: list[str] = []
    groups: list[str] = []
    parts: list[dict[str, np.ndarray]] = []
    for kind, name, values in asked:
        argument = f"{kind}[{name!r}]"
        row, step, (table, found), alike = _placed(kind, argument, values, length, steps)
        known = _labels(name, named.get(name), found, table)
        y = table.reshape(len(table), -1)
        if np.isinf(y).any():
            raise InputError(message(argument, "finite targets or NaN", "infinity", "Use NaN."))
        beside = columns_beside(given, name, y, alike)
        for i, label in enumerate(known):
            there = ~np.isnan(y[:, i])
            part = {"row": row, "step": step, "y": y[:, i]} | {c: v[:, i] for c, v in beside.items()}
            parts.append({column: of_all[there] for column, of_all in part.items()})
            tasks.append(name if label is None else f"{name}[{label}]")
            groups.append("" if label is None else name)
    _check_names(tasks, labels, groups)
    task = np.repeat(np.arange(len(tasks)), [len(part["y"]) for part in parts])
    whole = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
    if "censored" in whole:
        whole["censored"] = whole["censored"].astype(bool)
    places = (whole.pop("row"), whole.pop("step"), task, whole.pop("y"))
    return SequenceTargets(tuple(tasks), tuple(groups) if any(groups) else (), *places, whole)


def _asked(
    per_sequence: Mapping[str, Any] | None,
    at_step: Mapping[str, Any] | None,
    per_step: Mapping[str, Any] | None,
) -> Iterator[tuple[str, str, Any]]:
    """Kind, name and values of every target."""
    for kind, given in (("per_sequence", per_sequence), ("at_step", at_step), ("per_step", per_step)):
        if given is not None and not isinstance(given, Mapping):
            raise InputTypeError(message(kind, "target -> values", type(given).__name__, "Pass a dict."))
        for key, values in (given or {}).items():
            yield kind, label_text(key), values
    if not any((per_sequence, at_step, per_step)):
        raise InputError(
            message("targets", "at least one", "none", "Pass per_sequence=, at_step= or per_step=.")
        )


def _check_names(tasks: list[str], labels: Mapping[str, Sequence[str]] | None, groups: list[str]) -> None:
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
) -> tuple[np.ndarray, np.ndarray, Table, Callable[[str, Any], Table]]:
    """Row and step ``[n]`` of possible targets, their table, and how values beside them become one."""
    rows = np.arange(len(length))
    if kind == "per_step":
        alike = partial(table_of_steps, length=length, steps=steps)
        step = np.concatenate([np.arange(n) for n in length])
        return np.repeat(rows, length), step, alike(argument, values), alike
    alike = partial(table_of_sequences, length=length)
    step = length - 1
    if kind == "at_step":
        if not isinstance(values, tuple) or len(values) != 2:
            raise InputTypeError(
                message(argument, "(values, step)", type(values).__name__, "Pass both as a tuple.")
            )
        values, step = values
        whole = np.full(len(length), step) if np.ndim(step) == 0 else step
        step = as_indices(whole, f"{argument} step", len(length), steps, "steps")
    table, names = alike(argument, values)
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
    return rows, step, (table, names), alike


def _labels(
    name: str, given: Sequence[str] | None, found: list[str] | None, table: np.ndarray
) -> Sequence[str | None]:
    """Names of the labels of a target; a single None where it is a single number."""
    if table.ndim == 1:
        return (None,)
    labels = [str(i) for i in range(table.shape[1])] if found is None else found
    labels = labels if given is None else list(name_list(given, f"labels[{name!r}]"))
    if len(labels) != table.shape[1]:
        raise InputError(
            message(f"labels[{name!r}]", f"{table.shape[1]} names", len(labels), "Name each label once.")
        )
    return labels
