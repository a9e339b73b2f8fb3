"""The pupils of School, with the splits that papers use."""

from typing import NamedTuple

import numpy as np

from benchmarks._report import outside_data


class Pupils(NamedTuple):
    """Features without the constant one, scores, schools, and ``[splits, pupils]`` of training."""

    x: np.ndarray
    y: np.ndarray
    school: np.ndarray
    trained: np.ndarray


def pupils() -> Pupils | None:
    """None, with a word about it, where the data are not there."""
    folder = outside_data("school")
    if folder is None:
        return None
    stored = np.load(folder / "argyriou_splits.npz")
    y = stored["y"].astype(float)
    trained = np.unpackbits(stored["train_mask"], axis=1)[:, : len(y)].astype(bool)
    # The last column is constant: the intercept that the library adds itself.
    return Pupils(stored["X"][:, :-1], y, stored["task"].astype(int), trained)
