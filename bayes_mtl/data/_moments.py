"""Count, mean, spread and extent of columns, part by part."""

from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-12, 4 * float(np.finfo(np.float32).eps)
"""Smallest standard deviation, as a share of the largest value, that is more than a few roundings.

Of float64, and of values that float32 holds, however they are stored now: 0.1 + 0.2 is not 0.3.
"""


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of some columns after a part of their values; of all of them when parts are merged.

    Attributes
    ----------
    count
        Number of values: one for all columns, or ``[columns]``.
    mean, square
        ``[columns]``: mean, and sum of squared differences from it.
    low, high
        ``[columns]``: smallest and largest value.
    single
        ``[columns]``: whether float32 holds every value.
    """

    count: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    low: np.ndarray
    high: np.ndarray
    single: np.ndarray

    @classmethod
    def none(cls, columns: int) -> "Moments":
        """Of no values yet."""
        zero, ends = np.zeros(columns), np.full(columns, np.inf)
        return cls(np.zeros(1), zero, zero, ends, -ends, np.ones(columns, dtype=bool))

    @classmethod
    def of(cls, block: np.ndarray) -> "Moments":
        """Of ``[values, columns]``."""
        mean = block.mean(0)
        square = ((block - mean) ** 2).sum(0)
        ends = block.min(0), block.max(0)
        return cls(np.array([float(len(block))]), mean, square, *ends, np.all(_single(block), axis=0))

    @classmethod
    def by_group(cls, values: np.ndarray, group: np.ndarray, groups: int) -> "Moments":
        """Of ``values [observations]``, a column for each group; every group has some."""
        count = np.bincount(group, minlength=groups).astype(float)
        mean = np.bincount(group, weights=values, minlength=groups) / count
        square = np.bincount(group, weights=(values - mean[group]) ** 2, minlength=groups)
        low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
        np.minimum.at(low, group, values)
        np.maximum.at(high, group, values)
        double = np.bincount(group, weights=~_single(values), minlength=groups)
        return cls(count, mean, square, low, high, double == 0)

    def among(self, place: np.ndarray, columns: int) -> "Moments":
        """Of ``columns`` columns, of which these stand at ``place``; of the others there are no values."""
        wide = Moments.none(columns)
        parts = {"count": np.zeros(columns), "mean": wide.mean.copy(), "square": wide.square.copy()}
        parts |= {"low": wide.low, "high": wide.high, "single": wide.single}
        for name, values in parts.items():
            values[place] = getattr(self, name)
        return Moments(**parts)

    def merged(self, other: "Moments") -> "Moments":
        """Of the values of both (Chan, Golub and LeVeque 1983, equation 2.1)."""
        total = self.count + other.count
        share = other.count / np.maximum(total, 1.0)
        return Moments(
            count=total,
            mean=self.mean + (other.mean - self.mean) * share,
            square=self.square + other.square + (other.mean - self.mean) ** 2 * (self.count * share),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            single=self.single & other.single,
        )

    def together(self) -> "Moments":
        """Of all columns as one."""
        count = float(self.count.sum())
        mean = float((self.count * self.mean).sum()) / count
        square = float((self.square + self.count * (self.mean - mean) ** 2).sum())
        ends = self.low.min(keepdims=True), self.high.max(keepdims=True)
        single = np.array([bool(self.single.all())])
        return Moments(np.array([count]), np.array([mean]), np.array([square]), *ends, single)

    @property
    def sd(self) -> np.ndarray:
        """``[columns]`` standard deviation; 0 without values."""
        deviation: np.ndarray = np.sqrt(self.square / np.maximum(self.count, 1.0))
        return deviation

    @property
    def scale(self) -> np.ndarray:
        """``[columns]``: `sd`, and 1 for what is constant up to `ROUNDING`."""
        smallest = np.where(self.single, max(ROUNDING), min(ROUNDING))
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        found: np.ndarray = np.where((self.high > self.low) & (self.sd > smallest * largest), self.sd, 1.0)
        return found


def _single(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype(np.float32) == values
