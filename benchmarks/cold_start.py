"""From a new Python to a finished small fit: ``compile="auto"`` against ``compile=False``.

Every fit is a process of its own that imports the library, fits 65 schools by SVI with its usual settings,
and ends; the sides take turns. "Cold" starts from an empty compiler's cache, "warm" from one that an
earlier turn has filled.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks._report import Report, arguments

FIT = """
import sys
from bayes_mtl import MultiTaskModel, TaskData, datasets
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
data = TaskData.from_frame(datasets.exam(), y="score", task="school", x=["intake"])
how = {"auto": "auto", "False": False}[sys.argv[1]]
svi = SVI(compile=how, progress=False, steps=int(sys.argv[2]))
posterior = svi.run(MultiTaskModel(Hierarchical(), Gaussian()), data)
print(len(posterior.record.losses))
"""


def fitted(how: str, cache: str, steps: int) -> tuple[float, float, int]:
    """Seconds, seconds of CPU with those of children, and steps of one process."""
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache}
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", FIT, how, str(steps)],
        env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, int(done.stdout)


def main() -> None:
    """All sides in turns, medians and ratios of neighbours."""
    options = arguments(__doc__ or "", rounds=(5, "turns of each side"))
    report, rounds = Report("cold_start"), 1 if options.quick else options.rounds
    steps = 20_000  # the usual limit; the plateau ends a fit
    found: dict[str, list[tuple[float, float, int]]] = {"False": [], "auto, cold": [], "auto, warm": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for side in found:
                found[side].append(fitted(side.split(",")[0], cache, steps))
    for side, values in found.items():
        walls, cpus, taken = (np.array(column, float) for column in zip(*values, strict=True))
        report.add("Exam", f"compile={side}", "seconds", statistics.median(walls), walls.std(), "s")
        report.add("Exam", f"compile={side}", "seconds of CPU", statistics.median(cpus), cpus.std(), "s")
        report.add("Exam", f"compile={side}", "steps", statistics.median(taken), taken.std())
        if side != "False":
            for column, unit in enumerate(("seconds", "seconds of CPU")):
                ratio = [a[column] / b[column] for a, b in zip(values, found["False"], strict=True)]
                report.add(
                    "Exam",
                    f"{side} / False",
                    f"ratio of {unit}",
                    statistics.median(ratio),
                    np.std(ratio),
                    "x",
                )
    report.finish()


if __name__ == "__main__":
    main()
