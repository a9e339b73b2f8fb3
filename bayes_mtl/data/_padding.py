"""Steps of sequences that are no data."""

import numpy as np


def padded(length: np.ndarray, steps: int) -> np.ndarray:
    """``[rows, steps]`` bool: which steps lie behind the end of their row."""
    behind: np.ndarray = np.arange(steps) >= length[:, None]
    return behind
