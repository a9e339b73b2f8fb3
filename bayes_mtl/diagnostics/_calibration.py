"""Whether predictions are as sure as they should be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.diagnostics._fitted_data import require_fitted
from bayes_mtl.diagnostics._importance import weights_left_out
from bayes_mtl.diagnostics._loo import parts, powers
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
        """
        import pandas as pd
        from scipy.stats import binom

        if not 0 < band < 1:
            raise InputError(message("band", "between 0 and 1", band, "Try 0.95."))
        rows = []
        groups = [("all tasks", np.ones(len(self), dtype=bool))]
        groups += [(name, self.task == t) for t, name in enumerate(self.tasks)]
        for name, own in groups:
            number = int(own.sum())
            for level in LEVELS if number else ():
                share = float((np.abs(self.pit[own] - 0.5) <= level / 2).mean())
                lower, upper = (
                    float(binom.ppf(p, number, level)) / number for p in ((1 - band) / 2, (1 + band) / 2)
                )
                verdict = "too narrow" if share < lower else "too wide" if share > upper else "as stated"
                rows.append((name, level, number, share, lower, upper, verdict))
        columns = ["task", "level", "observations", "coverage", "lower", "upper", "verdict"]
        return pd.DataFrame(rows, columns=columns).set_index(["task", "level"])

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

    References
    ----------
    Czado, Gneiting and Held, Predictive model assessment for count data (Biometrics 2009): randomised
    transforms. Gelfand, Dey and Chang (1992): leaving out by importance sampling.
    """
    if left_out:
        require_fitted(posterior, data)
    known = np.ones(len(data), dtype=bool) if data.censored is None else ~data.censored
    if not known.any():
        raise InputError(message("data", "observations that are not censored", "none", "Pass some."))
    pit = []
    random = np.random.default_rng(seed)
    for part in parts(data.subset(known), posterior.number):
        drawn = posterior.predict(part, keep_draws=True, seed=seed).draws
        simulated = np.asarray(drawn)
        if left_out:
            weights = weights_left_out(posterior.log_likelihood(part), powers(part))
        else:
            weights = np.full_like(simulated, 1.0 / posterior.number)
        # The target stands among the draws as one of them, which makes ranks exactly uniform.
        below = (weights * (simulated < part.y)).sum(0)
        equal = (weights * (simulated == part.y)).sum(0)
        share = posterior.number / (posterior.number + 1)
        at = random.uniform(size=len(part))
        pit.append(share * (below + at * equal) + (1 - share) * at)
    return Calibration(np.concatenate(pit), data.task[known], data.schema.tasks)
