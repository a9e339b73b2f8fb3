"""Seconds to import the library, beside torch and Pyro alone; a process each, in turns."""

import statistics
import subprocess
import sys
import time

from benchmarks._report import Report, arguments


def seconds(statement: str) -> float:
    """Wall-clock time of a new Python process that runs ``statement``."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Medians of alternating runs."""
    options = arguments(__doc__ or "")
    statements = {"torch and pyro": "import torch, pyro", "bayes_mtl": "import bayes_mtl"}
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(2 if options.quick else 9):
        for name, statement in statements.items():
            times[name].append(seconds(statement))
    report = Report("imports")
    for name, found in times.items():
        report.add("import", name, "median", statistics.median(found), statistics.stdev(found), "s")
    report.finish()


if __name__ == "__main__":
    main()
