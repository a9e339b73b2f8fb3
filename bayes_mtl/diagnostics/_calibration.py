"""Whether predictions are as sure as they should be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.diagnostics._each_observation import EachObservation, each_observation
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """Where targets fell in their predictive distributions.

    Attributes
    ----------
    pit
        ``[observations]``: probability integral transform, uniform between 0 and 1 where predictions are
        calibrated. Targets with ties (classes, counts) are put at random within their step.
    task
        ``[observations]``: position of its task.
    tasks
        Names of the tasks.
    """

    pit: np.ndarray
    task: np.ndarray
    tasks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pit)

    def to_frame(self, band: float = 0.95) -> "pd.DataFrame":
        """Share of targets inside central intervals of 50, 80 and 95 %, of all tasks and of each.

        Parameters
        ----------
        band
            Probability with which a calibrated share lies from ``lower`` to ``upper`` (binomial).

        Returns
        -------
        pandas.DataFrame
            Indexed by task (``"all tasks"`` first) and ``level``: ``observations``, ``coverage``, ``lower``,
            ``upper``, and ``verdict``: ``"as stated"``, ``"too narrow"`` or ``"too wide"`` intervals.

        Raises
        ------
        InputError
            For a ``band`` outside of 0 to 1.
        """
        import pandas as pd
        from scipy.stats import binom

        if not 0 < band < 1:
            raise InputError(message("band", "between 0 and 1", band, "Try 0.95."))
        names, far = ["all tasks", *self.tasks], np.abs(self.pit - 0.5)
        rows = np.bincount(self.task, minlength=len(self.tasks))
        counts = np.concatenate([[len(self)], rows])
        inside = [np.bincount(self.task, far <= level / 2, minlength=len(self.tasks)) for level in LEVELS]
        hits = np.stack([np.concatenate([[one.sum()], one]) for one in inside], 1)
        kept = np.flatnonzero(counts)
        frame = pd.DataFrame(
            {
                "task": np.repeat(np.asarray(names, dtype=object)[kept], len(LEVELS)),
                "level": np.tile(LEVELS, len(kept)),
                "observations": np.repeat(counts[kept], len(LEVELS)),
                "coverage": (hits[kept] / counts[kept, None]).ravel(),
            }
        )
        number, share = frame["observations"].to_numpy(), frame["coverage"].to_numpy()
        lower, upper = (
            binom.ppf(p, number, frame["level"]) / number for p in ((1 - band) / 2, (1 + band) / 2)
        )
        verdict = np.select([share < lower, share > upper], ["too narrow", "too wide"], "as stated")
        return frame.assign(lower=lower, upper=upper, verdict=verdict).set_index(["task", "level"])

    def __repr__(self) -> str:
        shares = [f"{(np.abs(self.pit - 0.5) <= level / 2).mean():.1%} in {level:.0%}" for level in LEVELS]
        return f"Calibration({', '.join(shares)} intervals, {len(self):,} observations)"


def calibration(
    posterior: Posterior, data: TaskData, *, left_out: bool = False, seed: int = 0
) -> Calibration:
    """Where targets fell in their predictive distributions.

    Parameters
    ----------
    posterior
        Of any inference.
    data
        Held-out observations of the fitted tasks, or with ``left_out`` the data of the fit. Censored
        observations are left out, since their targets are not known.
    left_out
        Whether each observation is predicted as if it had been left out of the fit, by the importance
        weights of `loo`. The data of the fit need it: what has been seen is predicted too well.
    seed
        Of the predictive draws, and of the places within ties.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        With ``left_out``, for data that are not those of the fit; where all observations are censored.

    Notes
    -----
    The band of `Calibration.to_frame` takes observations as independent. Those of one task share its
    unknown weights, so with few tasks shares scatter more than the band says.

    With a trained network, what is left out here was seen by the network, and its shares are nearly those of
    the training data: hold data out (``data.split()``), and pass these.

    References
    ----------
    Czado, Gneiting and Held, Predictive model assessment for count data (Biometrics 2009): randomised
    transforms. Gelfand, Dey and Chang (1992): leaving out by importance sampling.
    """
    if left_out:
        require_fitted(posterior, data)
    require_data(data)
    known = np.ones(len(data), dtype=bool) if data.censored is None else ~data.censored
    if not known.any():
        raise InputError(message("data", "observations that are not censored", "none", "Pass some."))
    some = data if known.all() else data.subset(known)
    return of_observations(each_observation(posterior, some, left_out=left_out, seed=seed), some)


def of_observations(found: EachObservation, data: TaskData) -> Calibration:
    """The part of an evaluation of all observations that is calibration."""
    known = np.isfinite(found.pit) if data.censored is None else ~data.censored
    return Calibration(found.pit[known], data.task[known], data.schema.tasks)
