"""Do intervals hold what they state? Held-out pupils and held-out schools of the School data, prior by prior.

*Rows*: a quarter of the pupils is held out at random and predicted in their own schools. *Schools*: all
pupils of a third of the schools are held out, one third after the other, and predicted as new schools by a
fit to the others. The share of scores inside the central intervals of 50, 80 and 95 % is printed in per
cent, with its standard error from the scatter between schools, since pupils of one school share its
weights. Priors whose fit to all schools takes too long are fitted to the first 40 (``schools`` says how
many); those that say nothing about a new school have no second part. ``--only`` takes parts of names; other
priors stay as an earlier run left them.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from pyro.distributions import HalfNormal
from scipy.cluster.hierarchy import linkage

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference import SVI, AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    GumbelSoftmax,
    Hierarchical,
    Horseshoe,
    Independent,
    LatentCovarianceHierarchy,
    LatentHierarchy,
    LowRank,
    Pooled,
    TaskClustering,
    TaskCovariance,
)
from benchmarks._report import ROOT, Report, Row, arguments
from benchmarks._school_data import pupils

LEVELS = (0.5, 0.8, 0.95)
FOLDS, FEW = 3, 40
KEPT = ROOT / "build" / "benchmarks" / "coverage.json"


@dataclass(frozen=True)
class Case:
    """A prior and how it is fitted; ``tree`` makes it of the schools' average features."""

    prior: Callable[[np.ndarray | None], AbstractTaskPrior]
    inference: AbstractInference
    all_schools: bool = True
    tree: bool = False


def cases(quick: bool) -> dict[str, Case]:
    """By name."""
    exact = Collapsed(draws=200 if quick else 1000)
    svi = SVI(progress=False, particles=1, steps=200 if quick else 3000)
    plain: dict[str, Callable[[], AbstractTaskPrior]] = {
        "pooled": Pooled,
        "independent": partial(Independent, HalfNormal(1.0)),
        "hierarchical": Hierarchical,
        "hierarchical diagonal": partial(Hierarchical, covariance="diagonal"),
        "group sparse": GroupSparse.ard,
        "student t": GroupSparse.student_t,
        "horseshoe": Horseshoe,
        "group sparse, intercepts": partial(GroupSparse.ard, intercept=HalfNormal(1.0)),
        "student t, intercepts": partial(GroupSparse.student_t, intercept=HalfNormal(1.0)),
        "horseshoe, intercepts": partial(Horseshoe, intercept=HalfNormal(1.0)),
        "low rank 3": partial(LowRank, 3),
        "clusters 3": partial(TaskClustering, 3),
    }
    found = {name: Case(lambda _, made=made: made(), exact) for name, made in plain.items()}  # type: ignore[misc]
    found["task covariance"] = Case(lambda _: TaskCovariance(), exact, all_schools=False)
    found["tree given"] = Case(lambda tree: LatentHierarchy(tree), exact, all_schools=False, tree=True)
    found["tree of scales"] = Case(
        lambda tree: LatentCovarianceHierarchy(tree), exact, all_schools=False, tree=True
    )
    found["Gumbel-softmax"] = Case(lambda _: GumbelSoftmax(), svi, all_schools=False)
    return found


def coverage(posterior: Posterior, held_out: TaskData, new: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each level ``[schools]``: how many scores lie inside, and how many there are."""
    found = []
    for level in LEVELS:
        predicted = posterior.predict(held_out, level=level, new_task=new)
        inside = (predicted.lower <= held_out.y) & (held_out.y <= predicted.upper)
        rows = np.bincount(held_out.task)
        found.append((np.bincount(held_out.task, inside)[rows > 0], rows[rows > 0]))
    return found


def add(report: Report, case: str, name: str, parts: list[list[tuple[np.ndarray, np.ndarray]]]) -> None:
    """Rows of one prior, over all folds."""
    for level, of_level in zip(LEVELS, zip(*parts, strict=True), strict=True):
        inside, rows = (np.concatenate(column) for column in zip(*of_level, strict=True))
        share = inside.sum() / rows.sum()
        error = np.sqrt(((inside - share * rows) ** 2).sum()) / rows.sum()
        report.add(case, name, f"coverage {level:.0%}", 100 * share, 100 * error, "%")
    report.add(case, name, "schools", sum(len(part[0][1]) for part in parts))


def fitted(case: Case, data: TaskData, seed: int) -> Posterior:
    """A fit, with a tree of the schools in the data where the prior wants one."""
    tree = None
    if case.tree:
        rows = np.bincount(data.task)[:, None]
        sums = np.zeros((len(rows), data.x.shape[1]))
        np.add.at(sums, data.task, data.x[data.row])
        tree = linkage(sums / rows, "average")
    return case.inference.run(MultiTaskModel(case.prior(tree), Gaussian()), data, seed=seed)


def run(report: Report, name: str, case: Case, x: np.ndarray, y: np.ndarray, school: np.ndarray) -> None:
    """Both parts for one prior."""
    chosen = np.ones(len(y), bool) if case.all_schools else np.isin(school, np.unique(school)[:FEW])
    x, y, school = x[chosen], y[chosen], school[chosen]
    made = lambda rows: TaskData.from_arrays(x[rows], y[rows], school[rows])  # noqa: E731
    random = np.random.default_rng(0)
    test = random.uniform(size=len(y)) < 0.25
    began = time.perf_counter()
    add(report, "rows", name, [coverage(fitted(case, made(~test), 0), made(test), False)])
    report.add("rows", name, "seconds", time.perf_counter() - began, None, "s")
    order = random.permutation(np.unique(school))
    began, parts = time.perf_counter(), []
    try:
        for fold in range(FOLDS):
            out = np.isin(school, order[fold::FOLDS])
            parts.append(coverage(fitted(case, made(~out), fold), made(out), True))
    except UnsupportedError as error:
        print(f"schools: {name}: {error}", flush=True)
        return
    add(report, "schools", name, parts)
    report.add("schools", name, "seconds", time.perf_counter() - began, None, "s")


def main() -> None:
    """All priors, each kept as it ends."""
    options = arguments(__doc__ or "")
    found = pupils()
    if found is None:
        return
    x, y, school, _ = found
    if options.quick:
        few = school < 20
        x, y, school = x[few], y[few], school[few]
    chosen = {
        name: case
        for name, case in cases(options.quick).items()
        if not options.only or any(part in name for part in options.only)
    }
    earlier = json.loads(KEPT.read_text())["rows"] if KEPT.exists() and options.only else []
    report = Report("coverage", [Row(**row) for row in earlier if row["method"] not in chosen])
    for name, case in chosen.items():
        run(report, name, case, x, y, school)
        report.finish()


if __name__ == "__main__":
    main()
