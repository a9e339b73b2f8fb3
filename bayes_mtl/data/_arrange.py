"""The order in which observations and rows are kept."""

from typing import Any

import numpy as np

from bayes_mtl.data._dataset_rows import is_stored

OBSERVED = ("row", "task", "step", "y", "noise", "offset", "trials", "weight", "censored", "index")
"""Fields of TaskData with one entry an observation."""


def arrange(parts: dict[str, Any]) -> dict[str, Any]:
    """Observations sorted by task; rows in memory in the order of observations where each has one.

    Rows in memory that no observation refers to are dropped. Rows outside of memory are left as they are;
    ``row`` keeps pointing into it.
    """
    order = np.argsort(parts["task"], kind="stable")
    sorted_parts = parts | {name: parts[name][order] for name in OBSERVED if parts.get(name) is not None}
    x, row, length = parts["x"], sorted_parts["row"], parts.get("length")
    if is_stored(x):
        return sorted_parts
    used, position = np.unique(row, return_inverse=True)
    if len(used) == len(row):
        ordered = np.array_equal(row, np.arange(len(x)))
        sorted_parts["x"] = x if ordered else x[row]
        sorted_parts["length"] = None if length is None else length[row]
        sorted_parts["row"] = np.arange(len(row))
    elif len(used) < len(x):
        sorted_parts["x"] = x[used]
        sorted_parts["length"] = None if length is None else length[used]
        sorted_parts["row"] = position.astype(np.int64)
    return sorted_parts
