"""Whether ranks are uniform: simultaneous bands around the distribution function of uniform ranks."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_REFERENCES = 20_000
"""Simulated sets of uniform ranks: a p-value of 0.05 has a standard error of 0.0015, 0.001 one of 0.0002."""
_AT_ONCE = 2_000


@dataclass(frozen=True, eq=False)
class EcdfBand:
    """What uniform ranks from 0 to ``draws`` look like in ``number`` simulations.

    A set of ranks is judged by the place where its distribution function is the least likely, by the binomial
    distribution of that place alone; how unlikely it gets somewhere by chance is found by simulation.

    References
    ----------
    Säilynoja, Bürkner and Vehtari, Graphical test for discrete uniformity and its applications in
    goodness-of-fit evaluation and multiple sample comparison (Statistics and Computing 2022).
    """

    number: int
    draws: int

    @property
    def points(self) -> np.ndarray:
        """``[draws]``: distribution function of uniform ranks at 0, 1, ..., ``draws - 1``."""
        return np.arange(1, self.draws + 1) / (self.draws + 1)

    def p_value(self, ranks: np.ndarray) -> np.ndarray:
        """``[sets]``: probability of ranks at least as odd as ``ranks [number, sets]``, by chance."""
        table, references = _references(self.number, self.draws)
        oddest = _oddest(_counts(np.atleast_2d(ranks.T), self.draws), table)
        found: np.ndarray = np.searchsorted(references, oddest, side="right") / len(references)
        return found

    def limits(self, probability: float) -> tuple[np.ndarray, np.ndarray]:
        """``[draws]`` each: between which shares the whole function stays with this probability."""
        from scipy.stats import binom

        _, references = _references(self.number, self.draws)
        alpha = float(np.quantile(references, 1 - probability))
        lower, upper = (binom.ppf(p, self.number, self.points) for p in (alpha / 2, 1 - alpha / 2))
        return lower / self.number, upper / self.number


@lru_cache(maxsize=4)
def _references(number: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided binomial p of each count at each point, and the sorted smallest p of uniform ranks."""
    from scipy.stats import binom

    points = np.arange(1, draws + 1) / (draws + 1)
    counts = np.arange(number + 1)[:, None]
    below, above = binom.cdf(counts, number, points), binom.sf(counts - 1, number, points)
    table = np.minimum(2 * np.minimum(below, above), 1.0)
    random = np.random.default_rng(0)
    found = [
        _oddest(_counts(random.integers(0, draws + 1, (_AT_ONCE, number)), draws), table)
        for _ in range(_REFERENCES // _AT_ONCE)
    ]
    return table, np.sort(np.concatenate(found))


def _counts(ranks: np.ndarray, draws: int) -> np.ndarray:
    """``[sets, draws]``: how many of ``ranks [sets, number]`` are at most 0, 1, ..., ``draws - 1``."""
    size = draws + 1
    flat = (np.arange(len(ranks))[:, None] * size + ranks).ravel()
    counts: np.ndarray = np.bincount(flat, minlength=len(ranks) * size).reshape(-1, size).cumsum(1)
    return counts[:, :-1]


def _oddest(counts: np.ndarray, table: np.ndarray) -> np.ndarray:
    found: np.ndarray = table[counts, np.arange(counts.shape[1])].min(1)
    return found
