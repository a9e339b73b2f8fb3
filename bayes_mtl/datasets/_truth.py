"""What synthetic data was made from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Truth:
    """Parameters behind a synthetic data set, in the user's units.

    Attributes
    ----------
    weights
        ``[tasks, weights]``: intercept first, then one a feature.
    noise
        Standard deviation of Gaussian noise; None for other targets.
    labels
        ``[tasks]``: planted cluster of each task, or None.
    mean
        ``[weights]`` mean of the weights; ``[clusters, weights]`` where there are clusters.
    covariance
        ``[weights, weights]`` of the weights around their mean.
    tree
        ``[tasks - 1, 3]``: planted tree of the tasks, one row a merger: (child, child, time), or None.
    """

    weights: np.ndarray
    noise: float | None
    mean: np.ndarray
    covariance: np.ndarray
    labels: np.ndarray | None = None
    tree: np.ndarray | None = None
