"""Rows that a torch data set makes when they are asked for."""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from bayes_mtl._errors import InputError, InputTypeError, message


class DatasetRows:
    """Stands where a memory-mapped array may: the rows of a ``torch.utils.data.Dataset``, which stay there.

    Parameters
    ----------
    dataset
        Of known length; an item is a row ``[features]`` or ``[steps, features]`` of numbers, or a tuple whose
        first part is. The same row must come out each time. Where the data set has ``__getitems__``, it is
        asked for a batch of rows at once.

    Raises
    ------
    InputError, InputTypeError
        Without a length, and for items that are no rows of one shape.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
            expected, found = "a data set with a length, whose items have places", type(dataset).__name__
            raise InputTypeError(message("x", expected, found, "Write the rows to a file and memory-map it."))
        self._dataset: Any = dataset
        if not len(self._dataset):
            raise InputError(message("x", "at least one row", "none", "Pass the data to learn from."))
        first = _row(self._dataset[0])
        self.dtype = np.dtype(np.float32 if first.dtype == np.float32 else np.float64)
        self.shape: tuple[int, ...] = (len(self._dataset), *first.shape)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Rows of a slice, mask or positions, or one row; with a second index, that of each row."""
        if isinstance(index, tuple):
            rows, *others = index
            found = self[rows]
            each = np.arange(len(found)) if np.ndim(others[0]) else slice(None)
            return found[(each, *others)]
        places = np.arange(len(self))[index]
        return self._read(places.tolist()) if np.ndim(places) else self._read([int(places)])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def _read(self, places: list[int]) -> np.ndarray:
        if not places:
            return np.zeros((0, *self.shape[1:]), dtype=self.dtype)
        if hasattr(self._dataset, "__getitems__"):
            items = self._dataset.__getitems__(places)
        else:
            items = [self._dataset[place] for place in places]
        rows = [_row(item) for item in items]
        for place, row in zip(places, rows, strict=True):
            if row.shape != self.shape[1:]:
                expected = f"rows of shape {self.shape[1:]}, as the first one"
                raise InputError(message("x", expected, f"{row.shape} at {place}", "Pad or cut it."))
        return np.stack(rows).astype(self.dtype, copy=False)


Rows: TypeAlias = np.ndarray | DatasetRows
"""What rows may be kept in."""


def is_stored(x: Rows) -> bool:
    """Whether rows stay where they are, outside of memory, and are read when they are needed."""
    return isinstance(x, (np.memmap, DatasetRows))


def _row(item: Any) -> np.ndarray:
    """An item's row as numbers."""
    row = item[0] if isinstance(item, (tuple, list)) else item
    row = row.detach().cpu().numpy() if isinstance(row, torch.Tensor) else np.asarray(row)
    if row.dtype.kind not in "biuf" or row.ndim not in (1, 2):
        found = f"{row.dtype} of shape {row.shape}"
        raise InputTypeError(
            message("x", "items that are rows of numbers", found, "Return [features] or [steps, features].")
        )
    return row
