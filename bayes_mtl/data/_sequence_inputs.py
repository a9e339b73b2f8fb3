"""Sequences of different lengths as one array, and what is added to their features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._arrays import as_array, is_pandas
from bayes_mtl.data._carry_forward import carry_forward, measured_means
from bayes_mtl.data._names import label_text, name_list
from bayes_mtl.data._padding import padded
from bayes_mtl.data._places import as_lengths


@dataclass(frozen=True, eq=False)
class SequenceInputs:
    """Inputs of sequences, ready for `TaskData`.

    Attributes
    ----------
    x
        ``[rows, steps, features]``, a memory map where it was one and nothing was added.
    length
        ``[rows]``: valid steps, or None.
    names
        Of the features.
    fill
        Value of each raw feature, then of each static one, where nothing was measured yet.
    """

    x: np.ndarray
    length: np.ndarray | None
    names: tuple[str, ...]
    fill: tuple[float, ...]

    @property
    def valid(self) -> np.ndarray:
        """``[rows]``: number of valid steps."""
        return np.full(len(self.x), self.x.shape[1]) if self.length is None else self.length


def sequence_inputs(
    x: Any,
    lengths: Any,
    static: Any,
    feature_names: Sequence[str] | None,
    static_names: Sequence[str] | None,
    missing: str,
    fill: tuple[float, ...] | None,
) -> SequenceInputs:
    """Pad, fill and name; ``fill`` is that of earlier data, None to take means."""
    if missing not in ("refuse", "mask"):
        raise InputError(message("missing", "'refuse' or 'mask'", repr(missing), "Choose one."))
    array, length, found = _as_block(x, lengths)
    names = _names(feature_names, found, array.shape[-1], "x", "feature_names")
    if static is None:
        rest: np.ndarray = np.zeros((len(array), 0))
        rest_names: tuple[str, ...] = ()
    else:
        rest = np.asarray(as_array(static, "static"), dtype=array.dtype)
        if rest.ndim != 2 or len(rest) != len(array):
            raise InputError(
                message("static", f"[{len(array)} rows, features]", f"shape {rest.shape}", "One row each.")
            )
        columns = [label_text(c) for c in static.columns] if is_pandas(static, "DataFrame") else None
        rest_names = _names(static_names, columns, rest.shape[1], "s", "static_names")
    if missing == "mask":
        return _masked(array, length, names, rest, rest_names, fill)
    _refuse_gaps(array, length, names, rest, rest_names)
    if rest_names:
        array = np.concatenate([array, _at_every_step(rest, array.shape[1])], -1)
    if length is not None and not isinstance(array, np.memmap):
        array[padded(length, array.shape[1])] = 0.0
    return SequenceInputs(array, length, names + rest_names, ())


def _as_block(x: Any, lengths: Any) -> tuple[np.ndarray, np.ndarray | None, list[str] | None]:
    """``[rows, steps, features]`` (memory maps as they are), valid steps, and names found in frames."""
    if not isinstance(x, (list, tuple)):
        array = as_array(x, "x")
        if array.ndim != 3 or not len(array):
            raise InputError(
                message(
                    "x",
                    "[rows, steps, features], or a list of [steps, features]",
                    f"shape {array.shape}",
                    "Give each sequence one row.",
                )
            )
        if not isinstance(array, np.memmap):
            array = np.array(array, dtype=np.float32 if array.dtype == np.float32 else np.float64)
        return array, None if lengths is None else as_lengths(lengths, len(array), array.shape[1]), None
    if lengths is not None:
        raise InputError(message("lengths", "none beside a list of sequences", "some", "Leave them out."))
    parts = [np.asarray(as_array(part, f"x[{i}]")) for i, part in enumerate(x)]
    shapes = {part.shape[1:] for part in parts}
    if not parts or len(shapes) != 1 or parts[0].ndim != 2 or any(not len(part) for part in parts):
        found = f"shapes {sorted({part.shape for part in parts})[:3]}"
        raise InputError(
            message("x", "[steps, features] of one width and at least one step each", found, "Mend or drop.")
        )
    length = np.array([len(part) for part in parts])
    dtype = np.float32 if all(part.dtype == np.float32 for part in parts) else np.float64
    array = np.zeros((len(parts), length.max(), parts[0].shape[1]), dtype=dtype)
    for i, part in enumerate(parts):
        array[i, : len(part)] = part
    names = [label_text(c) for c in x[0].columns] if is_pandas(x[0], "DataFrame") else None
    return array, length, names


def _names(
    given: Sequence[str] | None, found: list[str] | None, width: int, letter: str, argument: str
) -> tuple[str, ...]:
    if given is None and found is None:
        return tuple(f"{letter}{i}" for i in range(width))
    names = name_list(found if given is None else given, argument)
    if len(names) != width:
        raise InputError(message(argument, f"{width} names", len(names), "Name each feature once."))
    return names


def _at_every_step(static: np.ndarray, steps: int) -> np.ndarray:
    return np.repeat(static[:, None, :], steps, axis=1)


def _masked(
    x: np.ndarray,
    length: np.ndarray | None,
    names: tuple[str, ...],
    static: np.ndarray,
    static_names: tuple[str, ...],
    fill: tuple[float, ...] | None,
) -> SequenceInputs:
    """Columns: values, static values, masks of both, steps since last measured."""
    if fill is None:
        fill = (*measured_means(x, length), *measured_means(static))
    if len(fill) != len(names) + len(static_names):
        raise InputError(
            message(
                "schema",
                f"one of {len(fill)} raw features, with missing='mask'",
                f"{len(names) + len(static_names)} in x and static",
                "Make the data with the same columns and options.",
            )
        )
    width, valid = len(names), np.full(len(x), x.shape[1]) if length is None else length
    carried = carry_forward(np.asarray(x), valid, np.array(fill[:width]))
    measured = ~np.isnan(static)
    added = np.concatenate([np.where(measured, static, np.array(fill[width:])), measured], 1)
    rest = _at_every_step(added.astype(carried.dtype), x.shape[1])
    rest[padded(valid, x.shape[1])] = 0.0
    parts = [carried[..., :width], rest[..., : len(static_names)], carried[..., width : 2 * width]]
    parts += [rest[..., len(static_names) :], carried[..., 2 * width :]]
    every = names + static_names
    masks = tuple(f"measured[{name}]" for name in every)
    since = tuple(f"since[{name}]" for name in names)
    filled = tuple(float(value) for value in fill)
    return SequenceInputs(np.concatenate(parts, -1), length, every + masks + since, filled)


def _refuse_gaps(
    x: np.ndarray,
    length: np.ndarray | None,
    names: tuple[str, ...],
    static: np.ndarray,
    static_names: tuple[str, ...],
) -> None:
    for argument, values, known, own in (("x", x, names, length), ("static", static, static_names, None)):
        if isinstance(values, np.memmap) or values.dtype.kind != "f":
            continue  # maps are checked in chunks with everything else
        gaps = np.isnan(values)
        if own is not None:
            gaps[padded(own, x.shape[1])] = False
        lacking = gaps.any(tuple(range(gaps.ndim - 1)))
        if lacking.any():
            raise InputError(
                message(
                    argument,
                    "features without gaps",
                    f"NaN in {known[int(np.flatnonzero(lacking)[0])]!r}",
                    "Pass missing='mask' to carry values forward and to mark what was measured.",
                )
            )
