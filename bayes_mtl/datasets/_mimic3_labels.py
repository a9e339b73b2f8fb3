"""The lists of stays and labels of the MIMIC-III benchmark."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayes_mtl._errors import FileError, InputError, message

FOLDERS = {
    "phenotyping": "phenotype",
    "length-of-stay": "stay",
    "decompensation": "decompensation",
    "in-hospital-mortality": "mortality",
}
"""Folder of a task -> name of its target, those with whole stays first."""
_MORTALITY_HOURS = 48.0
_DAYS = (1, 2, 3, 4, 5, 6, 7, 8, 14)
"""Borders of the classes of the remaining stay."""


@dataclass(frozen=True, eq=False)
class StayLabels:
    """Labels of one task.

    Attributes
    ----------
    columns
        Names of the labels.
    values
        Name of a stay's file -> its labels, each with the hour at which they stand.
    ends
        Name of a stay's file -> the last of these hours.
    """

    columns: tuple[str, ...]
    values: dict[str, list[tuple[float, list[float]]]]
    ends: dict[str, float]


def read_labels(root: Path, part: str) -> dict[str, StayLabels]:
    """Labels of the tasks that are there, by folder."""
    if part not in ("train", "test"):
        raise InputError(message("part", "'train' or 'test'", repr(part), "Choose one."))
    found = {}
    for task in FOLDERS:
        path = root / task / part / "listfile.csv"
        if path.is_file():
            found[task] = _listfile(path, task)
    if not found:
        expected = f"TASK/{part}/listfile.csv for one of {', '.join(FOLDERS)}"
        raise FileError(message("folder", expected, f"none in {root}", "Pass the benchmark's data folder."))
    return found


def _listfile(path: Path, task: str) -> StayLabels:
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    first = 1 if task == "in-hospital-mortality" else 2
    values: dict[str, list[tuple[float, list[float]]]] = {}
    for line in lines:
        expected = f"lines like {','.join(header)}"
        if len(line) != len(header) or len(line) <= first:
            raise FileError(message(str(path), expected, f"{len(line)} fields", "Make it again."))
        try:
            end = _MORTALITY_HOURS if first == 1 else float(line[1])
            labels = [float(label) for label in line[first:]]
        except ValueError as error:
            raise FileError(message(str(path), expected, str(error), "Make it again.")) from error
        if task == "length-of-stay":
            labels = [float(np.searchsorted(_DAYS, labels[0] / 24.0, side="right"))]
        values.setdefault(line[0], []).append((end, labels))
    return StayLabels(
        tuple(header[first:]), values, {name: max(end for end, _ in found) for name, found in values.items()}
    )
