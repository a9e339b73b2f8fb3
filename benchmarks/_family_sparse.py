"""Sparse groups: ten features in five groups of two, of which features 1 to 3 matter; five tasks.

Weights of the live features are standard normal in every task, the noise's sd is 0.5 (mean squared error of
the truth 0.25), inputs are shared by the tasks. A group is called dead where the 95 % interval of its root
mean square weight lies below 0.05, alive where it lies above.
"""

import time
from dataclasses import dataclass

import numpy as np
from pyro.distributions import HalfNormal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.diagnostics import inclusion
from bayes_mtl.inference import SVI, AbstractInference, Collapsed, CoordinateAscent
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior, GroupSparse, Horseshoe, Independent
from benchmarks._report import Report

FEATURES, TASKS, LIVE, NOISE = 10, 5, 3, 0.5
GROUPS = {f"group {i + 1}": [f"x{2 * i}", f"x{2 * i + 1}"] for i in range(FEATURES // 2)}
ALIVE = ("group 1", "group 2")


@dataclass(frozen=True)
class Problem:
    """Training and test data of one seed."""

    train: TaskData
    test: TaskData
    ridge: float
    least_squares: float


def problem(rows: int, seed: int, test_rows: int = 2000) -> Problem:
    """Draw weights, inputs and targets; beside them the error of least squares and of the best ridge."""
    random = np.random.default_rng(seed)
    weights = np.zeros((FEATURES, TASKS))
    weights[:LIVE] = random.normal(size=(TASKS, LIVE)).T

    def draw(number: int) -> tuple[np.ndarray, np.ndarray]:
        x = random.normal(size=(number, FEATURES))
        return x, x @ weights + NOISE * random.normal(size=(number, TASKS))

    (x, y), (x_test, y_test) = draw(rows), draw(test_rows)

    def error(penalty: float) -> float:
        found = np.linalg.solve(x.T @ x + penalty * np.eye(FEATURES), x.T @ y)
        return float(((y_test - x_test @ found) ** 2).mean())

    return Problem(
        TaskData.from_outputs(x, y, groups=GROUPS, intercept=False),
        TaskData.from_outputs(x_test, y_test, groups=GROUPS, intercept=False),
        min(error(penalty) for penalty in np.geomspace(1e-3, 1e3, 25)),
        error(0.0),
    )


def methods(quick: bool) -> dict[str, tuple[AbstractTaskPrior, AbstractInference]]:
    """Prior and inference by name."""
    svi = SVI(progress=False, steps=300 if quick else 20_000)
    ascent = CoordinateAscent()
    return {
        "GroupSparse, ascent": (GroupSparse(), ascent),
        "GroupSparse rank 2, ascent": (GroupSparse(rank=2), ascent),
        "Student-t, ascent": (GroupSparse.student_t(), ascent),
        "group lasso, ascent": (GroupSparse.group_lasso(), ascent),
        "GroupSparse, Collapsed": (GroupSparse(), Collapsed()),
        "GroupSparse, SVI": (GroupSparse(), svi),
        "Horseshoe, Collapsed": (Horseshoe(), Collapsed()),
        "Independent, Collapsed": (Independent(HalfNormal(1.0)), Collapsed()),
    }


def run(report: Report, quick: bool) -> None:
    """Test error, calls and seconds of every method at three numbers of rows."""
    seeds = range(2 if quick else 10)
    for rows in (200, 40, 15):
        case = f"sparse groups, n = {rows}"
        problems = [problem(rows, seed) for seed in seeds]
        for name in ("ridge", "least_squares"):
            errors = [getattr(one, name) for one in problems]
            report.add(case, name.replace("_", " "), "test MSE", np.mean(errors), np.std(errors))
        for name, (prior, inference) in methods(quick).items():
            errors, seconds, alive, dead = [], [], 0, 0
            for seed, one in zip(seeds, problems, strict=True):
                began = time.perf_counter()
                posterior = inference.run(MultiTaskModel(prior, Gaussian()), one.train, seed=seed)
                seconds.append(time.perf_counter() - began)
                errors.append(((posterior.predict(one.test).mean - one.test.y) ** 2).mean())
                call = inclusion(posterior)["call"]
                alive += int((call[list(ALIVE)] == "alive").sum())
                dead += int((call.drop(list(ALIVE)) == "dead").sum())
            report.add(case, name, "test MSE", np.mean(errors), np.std(errors))
            report.add(case, name, "live groups called alive", 100 * alive / (2 * len(problems)), unit="%")
            report.add(case, name, "dead groups called dead", 100 * dead / (3 * len(problems)), unit="%")
            report.add(case, name, "seconds", np.mean(seconds), np.std(seconds), "s")
