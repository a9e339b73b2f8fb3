"""Labels of tasks and classes, as positions and names in a stable order."""

from typing import Any

import numpy as np
import torch

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._arrays import is_pandas
from bayes_mtl.data._names import label_text, listed, positions, repeated


def encode_labels(values: Any, argument: str, unused: str = "refuse") -> tuple[np.ndarray, tuple[str, ...]]:
    """Positions ``[observations]`` and the names they point to.

    Numbers are sorted as numbers, text as text; pandas categories keep their own order.

    Parameters
    ----------
    values
        Labels, one an observation.
    argument
        Name used in errors.
    unused
        ``"refuse"`` or ``"keep"`` categories that no observation has.
    """
    codes, labels = _categories(values) if is_categorical(values) else _sorted_labels(values, argument)
    missing = codes < 0
    if missing.any():
        raise InputError(
            message(
                argument, "a label for every observation", f"missing in {positions(missing)}", "Drop them."
            )
        )
    names = tuple(label_text(label) for label in labels)
    if repeated(names):
        raise InputError(
            message(
                argument,
                "labels that differ as text",
                f"several labels that read {listed(repeated(names))}",
                "Rename them, or give them one type.",
            )
        )
    empty = np.bincount(codes, minlength=len(names)) == 0
    if unused == "refuse" and empty.any():
        raise InputError(
            message(
                argument,
                "at least one observation in every category",
                f"none in {listed(np.array(names, dtype=object)[empty])}",
                "Call .cat.remove_unused_categories() on the column.",
            )
        )
    return codes, names


def is_categorical(values: Any) -> bool:
    """Whether ``values`` are pandas categories."""
    return is_pandas(values, "Categorical") or (
        is_pandas(values, "Series") and getattr(values.dtype, "name", "") == "category"
    )


def _categories(values: Any) -> tuple[np.ndarray, list[Any]]:
    categorical = values if is_pandas(values, "Categorical") else values.cat
    return np.array(categorical.codes, dtype=np.int64), list(categorical.categories)


def _sorted_labels(values: Any, argument: str) -> tuple[np.ndarray, list[Any]]:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    if not (is_pandas(values, "Series") or isinstance(values, np.ndarray)):
        values = object_array(values, argument)
    if values.ndim != 1:
        raise InputError(
            message(argument, "one label an observation", f"shape {values.shape}", "Flatten it.")
        )
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuU":
        labels, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int64), labels.tolist()
    import pandas as pd

    if values.dtype.kind in "mM":
        values = pd.Series(values)  # numpy's dates become pandas', whose text a Series has as well
    try:
        codes, found = pd.factorize(values)
    except TypeError as error:
        raise InputTypeError(
            message(argument, "text or numbers as labels", str(error), "Convert the labels to text.")
        ) from error
    # a date in nanoseconds would become an integer
    plain = np.number, np.bool_, np.str_
    found = [label.item() if isinstance(label, plain) else label for label in found]
    numbers = all(isinstance(label, (int, float)) for label in found)
    order = sorted(range(len(found)), key=lambda i: (0.0 + found[i], "") if numbers else (0.0, str(found[i])))
    rank = np.empty(len(found) + 1, dtype=np.int64)
    rank[order] = np.arange(len(found))
    rank[-1] = -1  # where factorize writes -1 for a missing label
    return rank[np.asarray(codes)], [found[i] for i in order]


def object_array(values: Any, argument: str) -> np.ndarray:
    """Turn a list into an array that keeps each label's own type (numpy would turn [1, 'a'] into text)."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise InputTypeError(
            message(argument, "one label an observation", repr(values), "Pass a list, array or Series.")
        )
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):  # at once, numpy would unpack labels that are tuples
        array[i] = value
    return array
