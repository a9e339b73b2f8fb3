"""Cost of a step with the number of tasks, and memory of a fit with thousands of them."""

import resource
import statistics
import subprocess
import sys
import time

import numpy as np

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.datasets import chem97
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._report import Report, arguments


def step_milliseconds(tasks: int, steps: int, compile: bool) -> float:
    """Median time of an SVI step at batch 1,024 with ``tasks`` tasks of 10 rows and 5 features."""
    rng = np.random.default_rng(0)
    rows = tasks * 10
    x = rng.standard_normal((rows, 5))
    data = TaskData.from_arrays(x, x.sum(1) + rng.standard_normal(rows), np.repeat(np.arange(tasks), 10))
    times: list[float] = []
    svi = SVI(
        steps=steps,
        batch_size=1024,
        particles=1,
        draws=1,
        progress=False,
        compile=compile,
        on_step=lambda step, loss: times.append(time.perf_counter()),
    )
    svi.run(MultiTaskModel(Hierarchical(), Gaussian()), data, seed=0)
    return 1e3 * statistics.median(np.diff(times)[steps // 5 :])


def chem97_fit(steps: int) -> None:
    """Fit Chem97 by SVI; print peak memory in MiB and seconds."""
    frame = chem97()
    data = TaskData.from_frame(frame, y="score", task="school", x=["gcse"])
    began = time.perf_counter()
    posterior = SVI(steps=steps, progress=False).run(MultiTaskModel(Hierarchical(), Gaussian()), data, seed=0)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak} {seconds} {len(posterior.tasks)}")


def main() -> None:
    """Steps at a thousand to a hundred thousand tasks, in turns; Chem97 in a process of its own."""
    if sys.argv[1:2] == ["chem97"]:
        chem97_fit(int(sys.argv[2]))
        return
    options = arguments(__doc__ or "")
    report = Report("scale")
    steps = 40 if options.quick else 200
    sizes = (1_000, 10_000) if options.quick else (1_000, 10_000, 100_000)
    ways = {"uncompiled": False} if options.quick else {"uncompiled": False, "compiled": True}
    for how, compile in ways.items():
        method = f"SVI, batch 1,024, {how}"
        found: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(1 if options.quick else 3):
            for size in sizes:
                found[size].append(step_milliseconds(size, steps, compile))
        for size in sizes:
            report.add(f"{size:,} tasks", method, "step", statistics.median(found[size]), None, "ms")
        for size in sizes[1:]:
            ratio = [b / a for a, b in zip(found[sizes[0]], found[size], strict=True)]
            report.add(f"{size:,} / 1,000 tasks", method, "ratio of steps", statistics.median(ratio))
    if options.only == ["steps"]:
        report.finish()
        return
    command = [sys.executable, "-m", "benchmarks.scale", "chem97", "100" if options.quick else "20000"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    case = f"Chem97, {output[2]} schools"
    report.add(case, "SVI", "peak memory", float(output[0]), None, "MiB")
    report.add(case, "SVI", "seconds", float(output[1]), None, "s")
    report.finish()


if __name__ == "__main__":
    main()
