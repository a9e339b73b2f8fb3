"""Two regression tasks whose correlation is a knob."""

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.datasets._pair_truth import PairTruth
from bayes_mtl.datasets._synthetic import check_counts, check_scales, generator


def correlated_pair(
    rows: int = 1000,
    correlation: float = 0.5,
    features: int = 100,
    scale: float = 0.3,
    waves: int = 5,
    frequency: float = 3.0,
    noise: float = 0.1,
    seed: int = 0,
) -> tuple[TaskData, PairTruth]:
    """Make the two synthetic tasks of the paper on MMoE.

    With orthonormal directions ``u1``, ``u2``: ``w1 = c u1``, ``w2 = c (p u1 + sqrt(1 - p^2) u2)``, and
    targets ``y = w'x + sum_i sin(a_i w'x + b_i) + e``. Both tasks have the same waves, and every row has both
    targets.

    Parameters
    ----------
    rows
        Number of rows, standard normal.
    correlation
        ``p``, the cosine between the two directions.
    features, waves
        How many.
    scale
        ``c``.
    frequency
        Standard deviation of the ``a_i``, which are normal; the ``b_i`` are uniform over the circle. The
        paper calls both given and states neither.
    noise
        Standard deviation of ``e``; the paper's variance is 0.01.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and PairTruth
        Tasks ``first`` and ``second``, and what they were made from.

    Raises
    ------
    InputError
        For numbers out of range, or fewer than two features.

    References
    ----------
    Ma, Zhao, Yi, Chen, Hong and Chi, Modeling task relationships in multi-task learning with multi-gate
    mixture-of-experts (KDD 2018), section 3.2.
    """
    check_counts(rows=rows, features=features, waves=waves)
    check_scales(scale=scale, frequency=frequency, noise=noise)
    if not -1.0 <= correlation <= 1.0:
        raise InputError(message("correlation", "from -1 to 1", correlation, "Try correlation=0.5."))
    if features < 2:
        raise InputError(message("features", "at least 2, for two directions", features, "Try features=100."))
    rng = generator(seed)
    first, second = np.linalg.qr(rng.normal(size=(features, 2)))[0].T
    turned = correlation * first + np.sqrt(1.0 - correlation**2) * second
    weights = scale * np.stack([first, turned])
    a, b = rng.normal(scale=frequency, size=waves), rng.uniform(0.0, 2 * np.pi, waves)
    x = rng.normal(size=(rows, features))
    predictor = x @ weights.T
    mean = predictor + np.sin(predictor[..., None] * a + b).sum(-1)
    targets = mean + noise * rng.normal(size=mean.shape)
    data = TaskData.from_outputs(x, targets, task_names=["first", "second"])
    return data, PairTruth(weights, a, b, noise, mean)
