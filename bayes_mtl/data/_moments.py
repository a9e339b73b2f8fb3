"""Count, mean, spread and extent of columns, part by part."""

from dataclasses import dataclass

import numpy as np


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
    """

    count: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def none(cls, columns: int) -> "Moments":
        """Of no values yet."""
        zero = np.zeros(columns)
        return cls(np.zeros(1), zero, zero, np.full(columns, np.inf), np.full(columns, -np.inf))

    @classmethod
    def of(cls, block: np.ndarray) -> "Moments":
        """Of ``[values, columns]``."""
        mean = block.mean(0)
        square = ((block - mean) ** 2).sum(0)
        return cls(np.array([float(len(block))]), mean, square, block.min(0), block.max(0))

    @classmethod
    def by_group(cls, values: np.ndarray, group: np.ndarray, groups: int) -> "Moments":
        """Of ``values [observations]``, a column for each group; every group has some."""
        count = np.bincount(group, minlength=groups).astype(float)
        mean = np.bincount(group, weights=values, minlength=groups) / count
        square = np.bincount(group, weights=(values - mean[group]) ** 2, minlength=groups)
        low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
        np.minimum.at(low, group, values)
        np.maximum.at(high, group, values)
        return cls(count, mean, square, low, high)

    def among(self, place: np.ndarray, columns: int) -> "Moments":
        """Of ``columns`` columns, of which these stand at ``place``; of the others there are no values."""
        wide = Moments.none(columns)
        parts = {"count": np.zeros(columns), "mean": wide.mean.copy(), "square": wide.square.copy()}
        parts |= {"low": wide.low, "high": wide.high}
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
        )

    def together(self) -> "Moments":
        """Of all columns as one."""
        count = float(self.count.sum())
        mean = float((self.count * self.mean).sum()) / count
        square = float((self.square + self.count * (self.mean - mean) ** 2).sum())
        ends = self.low.min(keepdims=True), self.high.max(keepdims=True)
        return Moments(np.array([count]), np.array([mean]), np.array([square]), *ends)

    @property
    def sd(self) -> np.ndarray:
        """``[columns]`` standard deviation."""
        deviation: np.ndarray = np.sqrt(self.square / self.count)
        return deviation

    @property
    def scale(self) -> np.ndarray:
        """``[columns]``: `sd`, and 1 for constants, whose computed one may be a rounding error."""
        found: np.ndarray = np.where((self.high > self.low) & (self.sd > 0), self.sd, 1.0)
        return found
