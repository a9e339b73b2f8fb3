"""Ranks of the truth among the draws of fits to simulated data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.diagnostics._ecdf_band import EcdfBand

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class SimulationBasedCalibration:
    """Where the truth ranks among posterior draws, over data sets simulated from the model itself.

    Where an inference is right, ranks of every quantity are uniform, however little the data say.

    Attributes
    ----------
    ranks
        ``[simulations, quantities]``, from 0 to `draws`: how many of the draws lie below the truth. Ties are
        broken at random.
    names
        Names of the quantities.
    draws
        Number of draws that each truth was ranked among.
    failed
        Simulation -> why its fit failed; such have no ranks.
    """

    ranks: np.ndarray
    names: tuple[str, ...]
    draws: int
    failed: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fits = self.ranks.ndim == 2 and self.ranks.shape[1] == len(self.names) and len(self.ranks) > 0
        if not fits or self.ranks.min() < 0 or self.ranks.max() > self.draws:
            expected = f"[simulations, {len(self.names)}] from 0 to {self.draws}"
            raise InputError(
                message("ranks", expected, f"shape {self.ranks.shape}", "Pass what sbc() counted.")
            )

    @property
    def band(self) -> EcdfBand:
        """What uniform ranks look like in as many simulations."""
        return EcdfBand(len(self.ranks), self.draws)

    def ecdf(self, name: str) -> np.ndarray:
        """``[draws]``: share of ranks of a quantity at most 0, 1, ..., ``draws - 1``."""
        ranks = self._of(name)
        return np.searchsorted(np.sort(ranks), np.arange(self.draws), side="right") / len(ranks)

    def histogram(self, name: str, bins: int = 20) -> tuple[np.ndarray, np.ndarray]:
        """Counts ``[bins]`` of a quantity's ranks, and how many of the ranks fall into each bin.

        Raises
        ------
        InputError
            For an unknown quantity, and for fewer than two bins or more than there are ranks.
        """
        if not 1 < bins <= self.draws + 1:
            raise InputError(message("bins", f"from 2 to {self.draws + 1}", bins, "Try 20."))
        place = np.arange(self.draws + 1) * bins // (self.draws + 1)
        return np.bincount(place[self._of(name)], minlength=bins), np.bincount(place, minlength=bins)

    def to_frame(self, probability: float = 0.95) -> "pd.DataFrame":
        """One row a quantity, the oddest first.

        Parameters
        ----------
        probability
            With which the verdict on all quantities together is ``"uniform"`` where the inference is right
            (at least: the limits of each are those of Bonferroni).

        Returns
        -------
        pandas.DataFrame
            ``p``: probability of ranks as odd or odder; ``centre``: mean of the ranks as a share, 0.5 where
            right; ``spread``: their standard deviation against that of uniform ranks, 1 where right;
            ``symmetric``: the p-value of variational calibration, which asks whether centres alone are right;
            ``verdict`` on the posterior: ``"uniform"``, ``"too narrow"``, ``"too wide"``, ``"too low"`` or
            ``"too high"``.
        """
        import pandas as pd
        from scipy.stats import ks_2samp

        share = (self.ranks + 0.5) / (self.draws + 1)
        p = self.band.p_value(self.ranks)
        centre, spread = share.mean(0), share.std(0) * np.sqrt(12)
        error = 1 / np.sqrt(12 * len(share))
        off = np.abs(centre - 0.5) / error
        wide = np.abs(spread - 1) / (np.sqrt(0.2 / len(share)))
        side = np.where(centre > 0.5, "too low", "too high")
        shape = np.where(spread > 1, "too narrow", "too wide")
        verdict = np.where(
            p * len(self.names) > 1 - probability, "uniform", np.where(off > wide, side, shape)
        )
        table = pd.DataFrame(
            {
                "p": p,
                "centre": centre,
                "spread": spread,
                "symmetric": [float(ks_2samp(column, 1 - column).pvalue) for column in share.T],
                "verdict": verdict,
            },
            index=pd.Index(self.names, name="quantity"),
        )
        return table.sort_values("p", kind="stable")

    @property
    def calibrated(self) -> bool:
        """Whether the ranks of all quantities are within simultaneous 95 % limits."""
        return bool((self.band.p_value(self.ranks) * len(self.names) > 0.05).all())

    def _of(self, name: str) -> np.ndarray:
        if name not in self.names:
            known = ", ".join(self.names[:8]) + ", ..." * (len(self.names) > 8)
            raise InputError(message("quantity", f"one of {known}", repr(name), "See names."))
        column: np.ndarray = self.ranks[:, self.names.index(name)]
        return column

    def __repr__(self) -> str:
        table = self.to_frame()
        odd = table[table["verdict"] != "uniform"]
        words = ", ".join(f"{name} {row.verdict}" for name, row in odd.head(3).iterrows())
        words += ", ..." * (len(odd) > 3)
        verdict = f"miscalibrated: {words}" if len(odd) else "uniform within simultaneous 95 % limits"
        failed = f"; {len(self.failed)} fits failed" if self.failed else ""
        return (
            f"SimulationBasedCalibration({len(self.ranks)} simulations, {len(self.names)} quantities: "
            f"{verdict}{failed})"
        )
