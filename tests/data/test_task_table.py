"""A table in parts gives what the same rows give in memory."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_mtl import MultiTaskModel, TaskData, fit
from bayes_mtl._errors import InputError, InputTypeError, UnsupportedError
from bayes_mtl.data import Scaling, Statistics, TaskTable, gram
from bayes_mtl.inference import SVI, Collapsed, CoordinateAscent
from bayes_mtl.likelihoods import Gaussian, StudentT
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.priors import AbstractTaskPrior, GroupSparse, Hierarchical, Pooled
from tests.inference.cases import slow

dd = pytest.importorskip("dask.dataframe", reason="the extra 'distributed' is not installed")


def frame(rows: int = 200) -> pd.DataFrame:
    """Tasks of very different sizes, units far from standard."""
    random = np.random.default_rng(0)
    school = random.choice(list("abcdefg"), rows, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.02])
    found = pd.DataFrame(
        {"school": school, "a": random.normal(1e3, 2.0, rows), "b": random.normal(size=rows)}
    )
    found["y"] = 50.0 + 3.0 * (found["a"] - 1e3) + random.normal(scale=5.0, size=rows)
    found["flag"] = random.random(rows) < 0.3
    found["exposure"] = random.normal(size=rows)
    found["w"] = random.integers(0, 3, rows).astype(float)
    found["lone"] = np.where(found["school"] == "b", 0.0, found["w"]) * (
        np.arange(rows) >= 60
    )  # a task, a part
    found["sd"] = random.uniform(1.0, 2.0, rows)
    found["size"] = found["school"].map({s: float(i) for i, s in enumerate("abcdefg")})
    found["number"] = found["school"].map({s: 20 - 3 * i for i, s in enumerate("abcdefg")})
    found["kind"] = found["school"].astype("category")
    found["one"] = 1.0
    return found


FRAME = frame()
PLAIN: dict[str, Any] = {"y": "y", "task": "school", "x": ["a", "b"]}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no intercept": {"intercept": False},
    "fixed": {"varying": ["b"], "x": ["a", "b", "flag"]},
    "groups": {"groups": {"g": ["a", "b"]}},
    "offset": {"offset": "exposure"},
    "weight": {"weight": "w"},
    "a task and a part without weights": {"weight": "lone"},
    "noise": {"noise": "sd"},
    "task features": {"task_features": "size"},
    "numbers as tasks": {"task": "number"},
    "categories as tasks": {"task": "kind"},
    "a constant": {"x": ["one", "a"]},
    "no features": {"x": []},
}


def parts(rows: pd.DataFrame, number: int = 4) -> Any:
    """In the order of the rows, which are not sorted by task, the second part being empty."""
    found = dd.from_pandas(rows, npartitions=number, sort=False)
    empty = dd.from_pandas(rows.iloc[:0], npartitions=1)
    return dd.concat([found.partitions[[0]], empty, found.partitions[list(range(1, number))]])


def same(one: Statistics, other: Statistics) -> None:
    for f in fields(Statistics):
        # float64 sums in another order
        np.testing.assert_allclose(getattr(one, f.name), getattr(other, f.name), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("units", ["shared", "task"])
@pytest.mark.parametrize("name", CASES)
def test_sums_are_those_of_the_rows_in_memory(name: str, units: Any) -> None:
    settings = {**PLAIN, **CASES[name]}
    table, data = TaskTable.from_dask(parts(FRAME), **settings), TaskData.from_frame(FRAME, **settings)
    assert table.schema == data.schema
    assert len(table) == len(data)
    assert table.counts.tolist() == data.counts.tolist()
    model = MultiTaskModel(Pooled(), Gaussian(noise="known" if name == "noise" else "shared", units=units))
    scaling, known = model.program(table).scaling, model.program(data).scaling
    for f in fields(Scaling):
        np.testing.assert_allclose(getattr(scaling, f.name), getattr(known, f.name), rtol=1e-12, atol=1e-12)
    same(table.gram(scaling), gram(data, known))


def test_a_table_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="weight: expected at least one above 0, found only 0"):
        TaskTable.from_dask(parts(FRAME.assign(w=0.0)), **PLAIN, weight="w")


@pytest.mark.parametrize("prior", [Hierarchical(), GroupSparse()], ids=["hierarchical", "sparse"])
def test_a_fit_is_that_of_the_rows_in_memory(prior: AbstractTaskPrior) -> None:
    table, data = TaskTable.from_dask(parts(FRAME), **PLAIN), TaskData.from_frame(FRAME, **PLAIN)
    model = MultiTaskModel(prior, Gaussian())
    chosen = CoordinateAscent(draws=20) if isinstance(prior, GroupSparse) else Collapsed(draws=20)
    one, other = chosen.run(model, data), chosen.run(model, table)
    for site, value in one.draws.items():
        # optimised to gains of 1e-5 nats, from sums that differ by rounding
        np.testing.assert_allclose(other.draws[site], value, rtol=1e-3, atol=1e-3)
    assert other.record.observations == len(FRAME)
    expected = one.predict(FRAME, FRAME["school"]).mean
    np.testing.assert_allclose(other.predict(FRAME, FRAME["school"]).mean, expected, rtol=1e-3)
    assert fit(model, table).record.method.startswith("Collapsed")


def cluster_agrees(folder: Path, *, processes: bool) -> None:
    """Two workers read parquet files."""
    distributed = pytest.importorskip("distributed", reason="the extra 'distributed' is not installed")
    for i, part in enumerate(np.array_split(np.arange(len(FRAME)), 5)):
        FRAME.iloc[part].to_parquet(folder / f"part{i}.parquet")
    settings = {**PLAIN, "weight": "w", "task_features": ["size"]}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert len(client.scheduler_info()["workers"]) == 2
        table = TaskTable.from_parquet(str(folder), **settings)
        data = TaskData.from_frame(FRAME, **settings)
        scaling = MultiTaskModel(Pooled(), Gaussian()).program(data).scaling
        same(table.gram(scaling), gram(data, scaling))
    np.testing.assert_array_equal(table.task_features, data.task_features)


def test_a_cluster_of_two_workers(tmp_path: Path) -> None:
    cluster_agrees(tmp_path, processes=False)


@slow
@pytest.mark.slow
def test_a_cluster_of_two_processes(tmp_path: Path) -> None:
    cluster_agrees(tmp_path, processes=True)


def with_value(column: str, row: int, value: Any) -> pd.DataFrame:
    changed = FRAME.copy()
    changed.loc[row, column] = value
    return changed


@pytest.mark.parametrize(
    ("rows", "settings", "expected"),
    [
        (FRAME, {"x": ["a", "absent"]}, "absent"),
        (with_value("b", 150, np.nan), {}, "no missing values in 'b'"),
        (with_value("y", 3, np.inf), {}, "finite targets"),
        (with_value("size", 199, -1.0), {"task_features": "size"}, "one value of 'size' within each task"),
        (with_value("sd", 5, 0.0), {"noise": "sd"}, "standard deviations above 0"),
        (FRAME, {"y": "school", "task": "number"}, "y: expected numbers, found classes"),
        (FRAME.iloc[:0], {}, "at least one row"),
    ],
)
def test_rows_that_cannot_be_used(rows: pd.DataFrame, settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        TaskTable.from_dask(dd.from_pandas(rows, npartitions=3), **{**PLAIN, **settings})


def test_files_without_a_column(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"'wrong'. They have 'school', 'a'"):
        TaskTable.from_parquet(str(tmp_path), **{**PLAIN, "weight": "wrong"})


@pytest.mark.usefixtures("unchecked")
def test_what_a_table_is_not_for() -> None:
    table = TaskTable.from_dask(parts(FRAME), **PLAIN)
    assert repr(table) == "TaskTable(7 tasks, 200 observations of 'y', 2 features)"
    with pytest.raises(UnsupportedError, match="for Gaussian likelihoods only, and this one is StudentT"):
        fit(MultiTaskModel(Pooled(), StudentT()), table)
    with pytest.raises(UnsupportedError, match="no rows for a network to read"):
        fit(MultiTaskModel(Pooled(), Gaussian(), Frozen(MLP(2, (3,)))), table)
    with pytest.raises(AttributeError, match=r"no rows, so it has no '\w+'. Fit it with Collapsed"):
        SVI(progress=False).run(MultiTaskModel(Pooled(), Gaussian()), table)  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="frame: expected a Dask DataFrame, found DataFrame"):
        TaskTable.from_dask(FRAME, **PLAIN)


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'bayes_mtl\[distributed\]'"):
        TaskTable.from_parquet("nowhere", **PLAIN)
