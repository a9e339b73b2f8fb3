"""How long `check(posterior, data)` takes beside the fit it judges: School, Exam and PhysioNet.

School and Exam by what `fit` chooses for a population of tasks; PhysioNet by the shared network of
`benchmarks.physionet` with Bayesian heads, trained as there. Libraries that are imported at first use are
imported before. Seconds of the processor, which other work on the machine hardly lengthens: the median of
three fits, one of PhysioNet.
"""

import importlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bayes_mtl import MultiTaskModel, Posterior, TaskData, fit
from bayes_mtl.datasets import exam
from bayes_mtl.diagnostics import check
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._physionet import likelihood, loaded
from benchmarks._physionet_networks import networks
from benchmarks._physionet_settings import Settings
from benchmarks._report import Report, arguments, outside_data
from benchmarks._ridge import Ridge
from benchmarks._school_data import pupils

MODEL = MultiTaskModel(Hierarchical(), Gaussian())


def school() -> TaskData | None:
    """All pupils; None without the data."""
    found = pupils()
    return None if found is None else TaskData.from_arrays(found.x, found.y, found.school)


def timed(fitted: Callable[[], Posterior], data: TaskData, repeats: int) -> tuple[float, float]:
    """Seconds of the fit and of its check, the medians."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        posterior = fitted()
        between = time.process_time()
        check(posterior, data)
        seconds.append((between - began, time.process_time() - between))
    first, second = np.median(seconds, axis=0)
    return float(first), float(second)


def show(report: Report, name: str, seconds: tuple[float, float]) -> None:
    """Rows of one data set."""
    report.add(name, "fit", "seconds", seconds[0], None, "s")
    report.add(name, "check", "seconds", seconds[1], None, "s")
    report.add(name, "check", "share of the fit", 100 * seconds[1] / seconds[0], None, "%")


def main() -> None:
    """All three, as far as their data are there."""
    options = arguments(__doc__ or "")
    for name in ("pandas", "scipy.stats", "scipy.optimize"):
        importlib.import_module(name)
    report = Report("check_time")
    chosen = options.only or ["School", "Exam", "PhysioNet"]
    small = {"Exam": TaskData.from_frame(exam(), y="score", task="school", x=["intake"]), "School": school()}
    for name, data in small.items():
        if name in chosen and data is not None:
            fit(MODEL, data)  # what is compiled or loaded at first use
            show(report, name, timed(lambda data=data: fit(MODEL, data), data, 1 if options.quick else 3))
    folder = outside_data("physionet2012") if "PhysioNet" in chosen else None
    if folder is not None:
        show(report, "PhysioNet", physionet(folder, 500 if options.quick else None))
    report.finish()


def physionet(folder: Path, stays: int | None) -> tuple[float, float]:
    """One training of the shared network, on all stays or some."""
    data, settings = loaded(folder, None, stays), Settings()
    features, tasks = data.train.x.shape[-1], len(data.train.schema.tasks)
    module = networks(features, tasks, 0, settings)["shared bottom"]()
    model = MultiTaskModel(Ridge(settings.precision), likelihood(data.train), module)
    svi = settings.svi(data.valid)
    return timed(lambda: svi.run(model, data.train), data.train, 1)


if __name__ == "__main__":
    main()
