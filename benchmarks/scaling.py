"""Time and memory of a collapsed fit as rows, and as tasks, grow: rows stay on disk, memory-mapped.

Each fit runs in a process of its own, so that its peak memory is its own; what a process holds before it
has seen any data is shown beside it.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.data import gram
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._report import ROOT, Report, arguments

FEATURES, CHUNK = 10, 100_000
FOLDER = ROOT / "build" / "scaling"


def written(rows: int, tasks: int) -> Path:
    """Rows sorted by task in files that a fit maps: x, y and task."""
    folder = FOLDER / f"{rows}_{tasks}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    weights = random.normal(1.0, 0.5, (tasks, FEATURES))
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (rows, FEATURES))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float64, (rows,))
    task = np.lib.format.open_memmap(folder / "task.npy", "w+", np.int64, (rows,))
    for start in range(0, rows, CHUNK):
        part = slice(start, min(start + CHUNK, rows))
        own = np.arange(part.start, part.stop) * tasks // rows
        values = random.normal(size=(len(own), FEATURES))
        x[part], task[part] = values, own
        y[part] = (values * weights[own]).sum(1) + random.normal(size=len(own))
    for array in (x, y, task):
        array.flush()
    (folder / "done").touch()
    return folder


def peak() -> float:
    """Most memory of this process so far, in MiB (``ru_maxrss`` would count that of its parent, too)."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def fit(folder: Path) -> None:
    """Print memory before, memory at its peak, seconds of the sums and seconds in all."""
    before, began = peak(), time.perf_counter()
    x = np.load(folder / "x.npy", mmap_mode="r")
    data = TaskData.from_arrays(x, np.load(folder / "y.npy"), np.load(folder / "task.npy"))
    model = MultiTaskModel(Hierarchical(), Gaussian())
    scaling = model.program(data).scaling
    at = time.perf_counter()
    gram(data, scaling)
    sums = time.perf_counter() - at
    Collapsed(draws=10).run(model, data)
    print(before, peak(), sums, time.perf_counter() - began)


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Slope of log time over log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def main() -> None:
    """Fits of more and more rows, then of more and more tasks (``--only rows``, ``--only tasks``)."""
    if sys.argv[1:2] == ["fit"]:
        fit(Path(sys.argv[2]))
        return
    options = arguments(__doc__ or "")
    report = Report("scaling")
    row_cases = [(rows, 1_000) for rows in ((10_000, 100_000) if options.quick else (10**5, 10**6, 10**7))]
    task_cases = [] if options.quick else [(10**6, tasks) for tasks in (10, 1_000, 10**5)]
    row_cases = [] if options.only == ["tasks"] else row_cases
    task_cases = [] if options.only == ["rows"] else task_cases
    found: dict[tuple[int, int], float] = {}
    for rows, tasks in dict.fromkeys([*row_cases, *task_cases]):
        command = [sys.executable, "-m", "benchmarks.scaling", "fit", str(written(rows, tasks))]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        before, most, sums, seconds = (float(value) for value in output)
        case = f"{rows:,} rows, {tasks:,} tasks"
        report.add(case, "Collapsed", "peak memory", most, None, "MiB")
        report.add(case, "Collapsed", "of which before data", before, None, "MiB")
        report.add(case, "Collapsed", "one pass of sums", sums, None, "s")
        report.add(case, "Collapsed", "fit", seconds, None, "s")
        found[rows, tasks] = sums
    if len(row_cases) > 2:
        sizes = [rows for rows, _ in row_cases]
        report.add(
            "rows", "Collapsed", "exponent of the sums", exponent(sizes, [found[c] for c in row_cases])
        )
    report.finish()


if __name__ == "__main__":
    main()
