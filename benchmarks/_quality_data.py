"""Data of the benchmarks of chains and of time to quality, standardised once for every side."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bayes_mtl.datasets import chem97, radon
from benchmarks._peers import FOLDER
from benchmarks._school_data import pupils

Problem = dict[str, np.ndarray]


def school(full: bool = False) -> Problem | None:
    """First standard split of School; a quarter of the pupils held out."""
    found = pupils()
    if found is None:
        return None
    return arranged(found.x, found.y, found.school, found.trained[0], full=full)


def chemistry() -> Problem:
    """Chem97: chemistry scores by school from GCSE, gender and age; a quarter of the students held out."""
    frame = chem97()
    x = np.column_stack([frame["gcse"], frame["gender"].cat.codes, frame["age"]]).astype(float)
    task = np.unique(frame["school"], return_inverse=True)[1]
    train = np.random.default_rng(0).random(len(task)) < 0.75
    train[np.unique(task, return_index=True)[1]] = True  # a row of every school
    return arranged(x, frame["score"].to_numpy(float), task, train, full=True)


def radon_houses() -> Problem:
    """Log radon by county from the floor; nothing held out."""
    frame = radon()
    task = np.unique(frame["county"], return_inverse=True)[1]
    y = frame["log_radon"].to_numpy(float)
    return arranged(frame[["floor"]].to_numpy(float), y, task, np.full(len(y), True), full=True)


def mines() -> Problem:
    """Simulated with the sizes of the Landmine set: 29 fields, 9 features, 400 to 700 rows, one in 15 a mine.

    Half of the rows are held out.
    """
    random, tasks, features = np.random.default_rng(29), 29, 9
    task = np.repeat(np.arange(tasks), random.integers(400, 701, tasks))
    x = random.normal(size=(len(task), 4)) @ random.normal(0.0, 0.4, (4, features))
    x += random.normal(size=x.shape)
    w = random.normal(0.0, 0.4, features) + random.normal(0.0, 0.3, (tasks, features))
    f = random.normal(-3.4, 0.4, tasks)[task] + (x * w[task]).sum(1)
    y = (f + random.logistic(size=len(f)) > 0).astype(float)
    return arranged(x, y, task, random.random(len(y)) < 0.5, full=True, binary=True)


def eight_schools() -> Problem:
    """Rubin's eight schools, effects and standard errors divided by ten."""
    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]) / 10
    noise = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]) / 10
    ones = np.ones((8, 1))
    return {
        "x": ones, "y": y, "task": np.arange(8), "noise": noise, "tasks": np.array(8),
        "full": np.array(False), "binary": np.array(False), "log_sd": np.array(0.0),
    }  # fmt: skip


def arranged(
    x: np.ndarray, y: np.ndarray, task: np.ndarray, train: np.ndarray, *, full: bool, binary: bool = False
) -> Problem:
    """Training and held-out rows by task, standardised by the training rows, a constant column first."""
    order = np.argsort(task, kind="stable")
    x, y, task, train = x[order], y[order], task[order], train[order]
    x = (x - x[train].mean(0)) / x[train].std(0)
    center, spread = (0.0, 1.0) if binary else (y[train].mean(), y[train].std())
    x, y = np.column_stack([np.ones(len(x)), x]), (y - center) / spread
    test = ~train
    return {
        "x": x[train], "y": y[train], "task": task[train],
        "x_test": x[test], "y_test": y[test], "task_test": task[test],
        "tasks": np.array(task.max() + 1), "full": np.array(full), "binary": np.array(binary),
        "log_sd": np.array(np.log(spread)),
    }  # fmt: skip


PROBLEMS: dict[str, Callable[[], Problem | None]] = {
    "eight schools": eight_schools,
    "radon": radon_houses,
    "School, diagonal": school,
    "School": lambda: school(full=True),
    "Chem97": chemistry,
    "Landmine-sized": mines,
}


def write(case: str) -> Path | None:
    """File of a case for all sides; None where its data are not there."""
    found = PROBLEMS[case]()
    if found is None:
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"quality_{case.replace(', ', '_').replace(' ', '_')}.npz"
    np.savez(path, **found)
    return path
