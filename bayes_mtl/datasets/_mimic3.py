"""Stays in the folders that the MIMIC-III benchmark makes."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from bayes_mtl._errors import FileError, InputError, message
from bayes_mtl.data import Schema, TaskData
from bayes_mtl.datasets._mimic3_labels import FOLDERS, StayLabels, read_labels
from bayes_mtl.datasets._stay_channels import CHANNELS, FEATURES, bins


def mimic3(
    folder: str | Path,
    part: Literal["train", "test"] = "train",
    *,
    hours: int = 240,
    stays: int | None = None,
    schema: Schema | None = None,
) -> TaskData:
    """Read the four tasks of the MIMIC-III benchmark (Harutyunyan et al. 2019) from its folders.

    ``FOLDER/TASK/PART`` holds ``listfile.csv`` and a file of measurements for each stay, for the tasks
    ``phenotyping``, ``length-of-stay``, ``decompensation`` and ``in-hospital-mortality``; those that are
    absent are left out. Stays are known by the name of their file and may be in some of them only.

    Parameters
    ----------
    folder
        The benchmark's ``data`` folder.
    part
        Which of its two parts.
    hours
        Stays are cut there: labels of later hours are left out, and phenotypes stand at the cut.
    stays
        At most so many, the first by name; None for all.
    schema
        That of the training part, for the other.

    Returns
    -------
    TaskData
        76 features by the hour: numbers, categories one by one, and masks; values are carried forward, and
        the benchmark's normal values stand before. Tasks ``phenotype[NAME]`` (25 labels of a stay),
        ``stay`` (remaining days at an hour, as the ten classes 0-1, 1-2, ... 7-8, 8-14, 14 and more),
        ``decompensation`` (death within 24 hours, at an hour), ``mortality`` (in hospital, at hour 48).

    Raises
    ------
    FileError
        Where the folder has none of the tasks, or a file is not as the benchmark writes it.
    InputError
        For values that the benchmark does not know.
    """
    if hours < 1:
        raise InputError(message("hours", "at least 1", hours, "Try 240."))
    root = Path(folder)
    labels = read_labels(root, part)
    names = sorted({name for one in labels.values() for name in one.ends})[:stays]
    sequences = []
    for name in names:
        end = max(one.ends[name] for one in labels.values() if name in one.ends)
        number = min(hours, max(1, int(np.ceil(end - 1e-6))))
        sequences.append(_sequence(_series(root, part, name, labels), number))
    length = [len(sequence) for sequence in sequences]
    whole, at, steps = _targets(labels, names, length)
    return TaskData.from_sequences(
        sequences,
        per_sequence=whole,
        at_step=at,
        per_step=steps,
        labels={"phenotype": labels["phenotyping"].columns} if whole else None,
        feature_names=FEATURES,
        schema=schema,
    )


def _targets(
    labels: Mapping[str, StayLabels], names: list[str], length: list[int]
) -> tuple[dict[str, np.ndarray], dict[str, tuple[np.ndarray, int]], dict[str, list[np.ndarray]]]:
    """Arguments of `TaskData.from_sequences`; NaN where a stay, or an hour of it, has no label."""
    whole, at, steps = {}, {}, {}
    for task, one in labels.items():
        target = FOLDERS[task]
        if task == "phenotyping":
            none = [np.nan] * len(one.columns)
            whole[target] = np.array([one.values.get(name, [(0.0, none)])[0][1] for name in names])
        elif task == "in-hospital-mortality":
            found = [one.values.get(name, [(0.0, [np.nan])])[0][1][0] for name in names]
            ended = np.array(length) < 48
            at[target] = (np.where(ended, np.nan, found), min(47, max(length) - 1))
        else:
            steps[target] = [np.full(n, np.nan) for n in length]
            for row, name in enumerate(names):
                for end, values in one.values.get(name, []):
                    step = int(np.ceil(end - 1e-6)) - 1
                    if 0 <= step < length[row]:
                        steps[target][row][step] = values[0]
    at = {name: pair for name, pair in at.items() if not np.isnan(pair[0]).all()}
    return whole, at, steps


def _series(root: Path, part: str, name: str, labels: Mapping[str, StayLabels]) -> Path:
    """The longest file of a stay: in the mortality task it ends after 48 hours."""
    for task in FOLDERS:
        path = root / task / part / name
        if task in labels and name in labels[task].ends and path.is_file():
            return path
    raise FileError(message(name, "a file of measurements in some task's folder", "none", "Add it."))


def _sequence(path: Path, number: int) -> np.ndarray:
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    header = lines[0] if lines else []
    known = header[:1] == ["Hours"] and set(CHANNELS) <= set(header)
    if not known or any(len(line) != len(header) for line in lines):
        expected = "columns Hours and the 17 channels of the benchmark, in every line"
        raise FileError(message(str(path), expected, ", ".join(header[:3]) or "nothing", "Make it again."))
    try:
        times = np.array([float(line[0]) for line in lines[1:]])
    except ValueError as error:
        raise FileError(message(str(path), "hours as numbers", str(error), "Make it again.")) from error
    order = np.argsort(times, kind="stable")
    place = {name: header.index(name) for name in CHANNELS}
    columns = {name: [lines[1 + i][at] for i in order] for name, at in place.items()}
    return bins(times[order], columns, number, str(path))
