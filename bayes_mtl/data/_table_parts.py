"""All parts of a table: handed out to Dask, and put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError, message
from bayes_mtl.data._counted import require_weight
from bayes_mtl.data._labels import encode_labels
from bayes_mtl.data._moments import Moments
from bayes_mtl.data._table_part import TablePart, same_for_task

_TOGETHER = 8
"""Results that are added at once: what a worker holds is bounded whatever the number of parts."""


def dask_frame(path: Any, columns: Sequence[str], storage_options: Mapping[str, Any] | None) -> Any:
    """Dask DataFrame of these columns of parquet files.

    Raises
    ------
    InputError
        For a column that the files lack.
    UnsupportedError
        Without Dask.
    """
    import_dask()
    import dask.dataframe as dd

    frame = dd.read_parquet(path, storage_options=None if storage_options is None else dict(storage_options))
    for name in columns:
        if name not in frame.columns:
            known = ", ".join(map(repr, frame.columns))
            raise InputError(message("columns", "those of the files", repr(name), f"They have {known}."))
    return frame[list(columns)]


def import_dask() -> Any:
    """Dask's ``delayed`` and ``compute``.

    Raises
    ------
    UnsupportedError
        Where it is not installed.
    """
    try:
        import dask
        import dask.dataframe
    except ImportError as error:
        raise UnsupportedError(
            f"Tables in parts need Dask, which is not installed ({error}). "
            "pip install 'bayes_mtl[distributed]'"
        ) from error
    return dask


def of_all_parts(
    frame: Any,
    work: Callable[[Any, Any], Any],
    known: Any,
    together: Callable[[list[Any]], Any] | None = None,
) -> list[Any]:
    """Results of ``work(part, known)`` for every part, in order; one with ``together``, which adds some.

    Raises
    ------
    InputTypeError
        For something else than a Dask DataFrame.
    """
    dask = import_dask()
    if not hasattr(frame, "to_delayed"):
        expected = "a Dask DataFrame"
        raise InputTypeError(message("frame", expected, type(frame).__name__, "See dask.dataframe."))
    told = dask.delayed(known, pure=False, traverse=False)  # sent once, not with every part
    found = [dask.delayed(work)(part, told) for part in frame.to_delayed()]
    while together is not None and len(found) > 1:
        groups = [found[i : i + _TOGETHER] for i in range(0, len(found), _TOGETHER)]
        found = [dask.delayed(together)(group) for group in groups]
    return list(dask.compute(*found))


def merge_parts(parts: Sequence[TablePart | None]) -> dict[str, Any]:
    """Fields of `TaskTable` from what is known of the parts.

    Raises
    ------
    InputError
        Without rows or weights, and where task features differ within a task.
    """
    found = [part for part in parts if part is not None]
    if not found:
        raise InputError(message("frame", "at least one row", "none", "Pass the data to learn from."))
    labels = np.empty(sum(len(part.labels) for part in found), dtype=object)
    labels[:] = [label for part in found for label in part.labels]
    code, names = encode_labels(labels, "task")
    schema = found[0].schema.with_tasks(names)
    features, targets = Moments.none(len(schema.columns)), Moments.none(len(names))
    targets = replace(targets, count=np.zeros(len(names)))
    known = np.full((len(names), len(schema.task_features)), np.nan)
    counts, start = np.zeros(len(names), dtype=np.int64), 0
    for part in found:
        place = code[start : start + len(part.labels)]
        start += len(part.labels)
        counts[place] += part.counts
        features = features.merged(part.features)
        targets = targets.merged(part.targets.among(place, len(names)))
        if part.task_features is not None:
            same_for_task(part.task_features, place, known, part.schema)
    require_weight(bool(targets.count.any()))
    return {
        "schema": schema,
        "counts": counts,
        "task_features": known if schema.task_features else None,
        "features": features,
        "targets": targets,
    }
