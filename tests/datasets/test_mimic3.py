"""The benchmark's folders, made here line by line, and what is read from them."""

from pathlib import Path

import numpy as np
import pytest

from bayes_mtl._errors import FileError, InputError
from bayes_mtl.datasets import icu_stays, mimic3
from bayes_mtl.datasets._stay_channels import CHANNELS, FEATURES

A, B, C = (f"{i}_episode1_timeseries.csv" for i in (3, 7, 11))
PHENOTYPES = tuple(f"p{i}" for i in range(25))


def series(path: Path, events: list[tuple[float, dict[str, str]]]) -> None:
    lines = [",".join(["Hours", *CHANNELS])]
    lines += [",".join([str(hour), *(found.get(name, "") for name in CHANNELS)]) for hour, found in events]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def listed(path: Path, header: str, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stay = [
        (0.3, {"Heart Rate": "90", "Glascow coma scale total": "7"}),
        (0.9, {"Heart Rate": "95.5"}),
        (2.0, {"Heart Rate": "100", "Glascow coma scale eye opening": "None"}),
        (49.7, {"Heart Rate": "60", "Glascow coma scale total": "15.0"}),
    ]
    for part in ("train", "test"):
        for name in (A, B):
            series(tmp_path / "phenotyping" / part / name, stay)
        series(tmp_path / "in-hospital-mortality" / part / A, stay[:3])
        series(tmp_path / "decompensation" / part / C, stay[:3])
        labels = [",".join("1" if i == k else "0" for i in range(25)) for k in (0, 1)]
        header = ",".join(["stay", "period_length", *PHENOTYPES])
        listed(
            tmp_path / "phenotyping" / part / "listfile.csv",
            header,
            [f"{A},50.5,{labels[0]}", f"{B},49.9,{labels[1]}"],
        )
        listed(tmp_path / "in-hospital-mortality" / part / "listfile.csv", "stay,y_true", [f"{A},1"])
        listed(
            tmp_path / "decompensation" / part / "listfile.csv",
            "stay,period_length,y_true",
            [f"{A},5.0,0", f"{A},6.0,1", f"{C},5.0,0"],
        )
        listed(
            tmp_path / "length-of-stay" / part / "listfile.csv",
            "stay,period_length,y_true",
            [f"{A},5.0,45.5", f"{A},6.0,400.0", f"{B},5.0,3.0"],
        )
    return tmp_path


def test_labels_stand_at_their_hours(folder: Path) -> None:
    data = mimic3(folder)
    assert data.schema.tasks == (
        *(f"phenotype[{p}]" for p in PHENOTYPES),
        "mortality",
        "stay",
        "decompensation",
    )
    assert data.length is not None and data.length.tolist() == [5, 51, 50]  # C, A, B by name
    assert data.step is not None
    found = {
        (data.schema.tasks[t], int(i), int(s), float(y))
        for t, i, s, y in zip(data.task, data.index, data.step, data.y, strict=True)
        if t >= 25 or y == 1
    }
    assert found == {
        ("phenotype[p0]", 1, 50, 1.0), ("phenotype[p1]", 2, 49, 1.0),
        ("mortality", 1, 47, 1.0),
        ("decompensation", 1, 4, 0.0), ("decompensation", 1, 5, 1.0), ("decompensation", 0, 4, 0.0),
        # 45.5 hours are 1.9 days, 400 hours more than 14, 3 hours less than one
        ("stay", 1, 4, 1.0), ("stay", 1, 5, 9.0), ("stay", 2, 4, 0.0),
    }  # fmt: skip


def test_the_last_measurement_of_an_hour_is_carried_forward(folder: Path) -> None:
    data = mimic3(folder)
    x = data.x[1]
    rate, mask = FEATURES.index("Heart Rate"), FEATURES.index("mask->Heart Rate")
    # 2.0 closes the second hour, 49.7 lies in the fiftieth
    np.testing.assert_allclose(x[[0, 1, 2, 48, 49, 50], rate], [95.5, 100, 100, 100, 60, 60])
    assert np.flatnonzero(x[:, mask]).tolist() == [0, 1, 49]
    seven = FEATURES.index("Glascow coma scale total->7")
    fifteen = FEATURES.index("Glascow coma scale total->15")
    assert x[[0, 48, 49], seven].tolist() == [1, 1, 0] and x[[0, 48, 49], fifteen].tolist() == [0, 0, 1]
    spoken = FEATURES.index("Glascow coma scale eye opening->None")
    usual = FEATURES.index("Glascow coma scale eye opening->4 Spontaneously")
    assert x[[0, 1], spoken].tolist() == [0, 1] and x[[0, 1], usual].tolist() == [1, 0]
    np.testing.assert_allclose(x[:, FEATURES.index("pH")], 7.4, rtol=1e-6)  # float32


def test_cuts_counts_and_the_other_part(folder: Path) -> None:
    train = mimic3(folder, hours=49)
    assert train.length is not None and train.length.max() == 49
    test = mimic3(folder, "test", hours=49, schema=train.schema)
    assert test.schema == train.schema and len(test) == len(train)
    assert mimic3(folder, stays=2).length is not None
    short = mimic3(folder, hours=24)
    assert "mortality" not in short.schema.tasks


def test_synthetic_stays_have_the_same_form(folder: Path) -> None:
    real, made = mimic3(folder), icu_stays(4, (48, 50))[0]
    assert real.schema.features == made.schema.features and real.schema.task_groups == made.schema.task_groups
    assert real.schema.tasks[25:] == made.schema.tasks[25:]


def test_damaged_folders(folder: Path, unchecked: None) -> None:
    with pytest.raises(FileError, match="one of phenotyping"):
        mimic3(folder / "phenotyping")
    with pytest.raises(InputError, match="'train' or 'test'"):
        mimic3(folder, "valid")
    (folder / "decompensation" / "train" / C).unlink()
    with pytest.raises(FileError, match="a file of measurements"):
        mimic3(folder)
    series(folder / "decompensation" / "train" / C, [(0.5, {"Glascow coma scale total": "2"})])
    with pytest.raises(InputError, match="expected one of '11', '10'"):
        mimic3(folder)
    series(folder / "decompensation" / "train" / C, [(0.5, {"Heart Rate": "fast"})])
    with pytest.raises(InputError, match="a number in 'Heart Rate'"):
        mimic3(folder)
    (folder / "decompensation" / "train" / C).write_text("Hours,Height\n0.1,170\n")
    with pytest.raises(FileError, match="the 17 channels"):
        mimic3(folder)
    listed(folder / "decompensation" / "train" / "listfile.csv", "stay,period_length,y_true", [f"{C},soon,0"])
    with pytest.raises(FileError, match="lines like stay,period_length,y_true"):
        mimic3(folder)
