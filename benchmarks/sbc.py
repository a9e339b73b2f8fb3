"""Simulation-based calibration of every prior by every inference, and whether `check` saw what it shows.

A cell is a prior and an inference: data are simulated from the prior, fitted, and the truth is ranked among
the draws. Ranks outside of simultaneous 95 % limits are a miscalibration; `check` has flagged a cell where
most of its fits got a warning or worse, other than that chains are short: that one is about the noise of
averages, was right, and is counted beside it. Each cell is written to ``build/benchmarks/sbc_cells.json``
as it ends, and a later run goes on from those that are there with as many simulations or more; ``--only``
takes parts of "prior, inference".
"""

import json
import os
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from pyro.distributions import HalfNormal
from pyro.infer.autoguide import AutoMultivariateNormal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import BayesMTLError
from bayes_mtl.diagnostics import check, sbc
from bayes_mtl.inference import (
    NUTS,
    SVI,
    AbstractInference,
    Collapsed,
    NestedLaplace,
    PopulationMonteCarlo,
)
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Gaussian, Poisson, StudentT
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
from benchmarks._report import ROOT, Report, arguments

TASKS, ROWS, DRAWS = "ABCDEF", 8, 99
TREE = "(((A,B),(C,D)),(E,F));"
SHORT = ("Few effective draws", "Chains disagree")
"""Findings, as mere warnings, that come and go with the length of chains."""
CELLS = ROOT / "build" / "benchmarks" / "sbc_cells.json"
PRIORS: dict[str, AbstractTaskPrior] = {
    "independent": Independent(HalfNormal(1.0)),
    "pooled": Pooled(),
    "hierarchical": Hierarchical(),
    "hierarchical diagonal": Hierarchical(covariance="diagonal"),
    "low rank": LowRank(rank=1),
    "task covariance": TaskCovariance(),
    "clustering": TaskClustering(clusters=2),
    "clustering sparse": TaskClustering(clusters=3, weights_prior="sparse", covariance="diagonal"),
    "clustering sticks": TaskClustering(clusters=3, weights_prior="stick-breaking"),
    "clustering gate": TaskClustering(clusters=2, weights_prior="gate", task_mean=True),
    "tree given": LatentHierarchy(TREE),
    "tree of scales": LatentCovarianceHierarchy(TREE),
    "group sparse": GroupSparse.ard(rank=1),
    "student t": GroupSparse.student_t(rank=1),
    "group lasso": GroupSparse.group_lasso(chi=4.0),
    "normal inverse Gaussian": GroupSparse.normal_inverse_gaussian(),
    "horseshoe": Horseshoe(),
    "Gumbel-softmax": GumbelSoftmax(),
}

OTHERS: dict[str, tuple[AbstractTaskPrior, AbstractLikelihood]] = {
    "hierarchical classes": (Hierarchical(), Bernoulli()),
    "hierarchical counts": (Hierarchical(covariance="diagonal"), Poisson()),
    "hierarchical heavy tails": (Hierarchical(covariance="diagonal"), StudentT()),
    "horseshoe classes": (Horseshoe(), Bernoulli()),
}
"""What is not Gaussian, by `NestedLaplace` and full-rank SVI."""


def inferences(quick: bool, name: str = "") -> dict[str, AbstractInference]:
    """Settings that are cheap, with as many draws of chains as `check` asks for."""
    length = 100 if quick else 500
    nuts = NUTS(draws=length, warmup=length, chains=2, progress=False, compile=not quick)
    svi = SVI(guide=AutoMultivariateNormal, steps=20_000, progress=False, draws=500, compile=not quick)
    if name in OTHERS:
        return {
            "NestedLaplace()": NestedLaplace(PopulationMonteCarlo(progress=False), draws=500),
            "SVI full rank": svi,
        }
    return {
        "Collapsed()": Collapsed(),
        "Collapsed + NUTS": Collapsed(nuts),
        "NUTS": nuts,
        "SVI full rank": svi,
    }


@dataclass
class Cell:
    """What came out of one prior and one inference."""

    prior: str
    inference: str
    simulations: int
    refused: str = ""
    miscalibrated: bool = False
    oddest: str = ""
    p: float = 1.0
    flagged: float = 0.0
    short: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """Under which it is kept."""
        return f"{self.prior} | {self.inference}"


def design() -> TaskData:
    """A few rows of a few tasks, with features of tasks for the gate."""
    random = np.random.default_rng(0)
    number = len(TASKS) * ROWS
    x = random.normal(size=(number, 1))
    task = np.repeat(list(TASKS), ROWS)
    return TaskData.from_arrays(x, np.zeros(number), task, task_features=random.normal(size=(len(TASKS), 1)))


def run(name: str, inference: str, method: AbstractInference, simulations: int) -> Cell:
    """One cell."""
    cell = Cell(name, inference, simulations)
    prior, likelihood = OTHERS[name] if name in OTHERS else (PRIORS[name], Gaussian())
    model, data = MultiTaskModel(prior, likelihood, standardize=False), design()
    if isinstance(method, Collapsed):
        cell.refused = why_not_collapsed(model.program(data)) or ""
    flags: list[bool] = []
    short: list[bool] = []
    reasons: Counter[str] = Counter()

    def on_fit(_: int, posterior: Posterior, simulated: TaskData) -> None:
        found = [finding for finding in check(posterior, simulated).findings if finding.severity != "note"]
        lengths = [finding.severity == "warning" and finding.title.startswith(SHORT) for finding in found]
        flags.append(not all(lengths))
        short.append(bool(lengths) and all(lengths))
        reasons.update({re.sub(r"[(:].*|\d+ ", "", finding.title).strip() for finding in found})

    began = time.perf_counter()
    if not cell.refused:
        try:
            found = sbc(model, data, method, simulations=simulations, draws=DRAWS, on_fit=on_fit)
        except BayesMTLError as error:
            cell.refused = str(error)
        else:
            worst = found.to_frame().iloc[0]
            cell.miscalibrated, cell.failed = not found.calibrated, len(found.failed)
            cell.oddest, cell.p = f"{worst.name} {worst.verdict}", float(worst.p)
            cell.flagged, cell.short = float(np.mean(flags)), float(np.mean(short))
            cell.reasons = dict(reasons.most_common())
    cell.seconds = time.perf_counter() - began
    return cell


def known() -> dict[str, Cell]:
    """Cells of earlier runs."""
    cells = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    return {key: Cell(**cell) for key, cell in cells.items()}


def keep(cells: dict[str, Cell]) -> None:
    """Write all cells; a run that is killed meanwhile leaves the earlier file."""
    CELLS.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(f"{CELLS}.part")
    aside.write_text(json.dumps({key: asdict(cell) for key, cell in cells.items()}, indent=1))
    os.replace(aside, CELLS)


def main() -> None:
    """Run the cells that are left, and print what `check` saw."""
    options = arguments(__doc__ or "", simulations=(60, "simulated data sets a cell (default 60)"))
    simulations = 3 if options.quick else options.simulations
    names = ["pooled", "Gumbel-softmax"] if options.quick else [*PRIORS, *OTHERS]
    report, cells, chosen = Report("sbc"), {} if options.quick else known(), []
    for name in names:
        for inference, method in inferences(options.quick, name).items():
            if options.only and not any(part in f"{name}, {inference}" for part in options.only):
                continue
            key = Cell(name, inference, simulations).key
            if key not in cells or cells[key].simulations < simulations:
                cells[key] = run(name, inference, method, simulations)
                if not options.quick:
                    keep(cells)
            chosen.append(cells[key])
            show(report, cells[key])
    table(report, [cell for cell in chosen if not cell.refused])
    report.finish()


def show(report: Report, cell: Cell) -> None:
    """The rows of one cell."""
    if cell.refused:
        print(f"{cell.prior:28} {cell.inference:28} refused: {cell.refused}", flush=True)
        return
    for metric, value in (
        ("simulations", cell.simulations),
        ("miscalibrated", cell.miscalibrated),
        ("smallest p", cell.p),
        ("fits flagged by check", cell.flagged),
        ("fits flagged for short chains alone", cell.short),
        ("fits failed", cell.failed),
        ("seconds", cell.seconds),
    ):
        report.add(cell.prior, cell.inference, metric, value)
    print(f"{'':28} oddest: {cell.oddest}; findings: {cell.reasons}", flush=True)


def table(report: Report, cells: list[Cell]) -> None:
    """Hits and misses of `check` against the ranks."""
    for right, label in ((True, "miscalibrated"), (False, "calibrated")):
        own = [cell for cell in cells if cell.miscalibrated == right]
        flagged = sum(cell.flagged > 0.5 for cell in own)
        print(f"{label:14} {len(own):3} cells, {flagged:3} flagged by check")
        if own:
            report.add("all", "check", f"share of {label} flagged", flagged / len(own))


if __name__ == "__main__":
    main()
