"""Held-out log density from draws, the same for every side: numpy alone, for any Python to import."""

import numpy as np

JUDGED = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 1000)
"""Numbers of draws after which a chain is judged."""


def log_densities(weights, noise, x, task, y):
    """Log density of each observation under each draw, ``[draws, rows]``.

    ``weights`` is ``[draws, tasks, features]``; ``noise`` ``[draws]``, or None for yes and no.
    """
    found = np.empty((len(weights), len(y)))
    for i, w in enumerate(weights):
        f = np.einsum("nd,nd->n", x, w[task])
        if noise is None:
            found[i] = -np.logaddexp(0.0, np.where(y > 0, -f, f))
        else:
            s = noise[i]
            found[i] = -0.5 * ((y - f) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)
    return found


def mean_log_density(each):
    """Mean over the rows of the log of the mean over the draws."""
    top = each.max(0)
    return float((top + np.log(np.exp(each - top).mean(0))).mean())


def judged(each):
    """`mean_log_density` of the first 1, 2, 3, 5, ... draws: pairs of a number of draws and its value."""
    numbers = [n for n in JUDGED if n < len(each)] + [len(each)]
    return [(n, mean_log_density(each[:n])) for n in numbers]
