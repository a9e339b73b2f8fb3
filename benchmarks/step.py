"""Time of one SVI step: plain Pyro, its traced ELBO, NumPyro's scan, and ours, one core for everybody.

Every side runs in a process of its own on the same core, one at a time and in turns, with the same model,
guide, data and batch size. Seconds are what a user waits: choosing the batch and the loop's own work are in.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks._peers import FOLDER, peers_python
from benchmarks._report import Report, arguments

CASES = ("A, full batch", "A, batch 256", "B, full batch", "B, batch 256", "C, batch 128")
SIDES = ("Pyro", "Pyro, JitTrace_ELBO", "NumPyro, lax.scan", "ours, uncompiled", "ours, compiled")
SECONDS = 0.4
"""Length of one turn of a side."""


def write_data(case: str) -> Path:
    """Data of a case, the first column constant: 139 tasks of 28 features, or 4 of 512 and 65 classes."""
    random, letter = np.random.default_rng(0), case[0]
    tasks, size, rows, classes = (4, 512, 4_160, 65) if letter == "C" else (139, 28, 15_362, 1)
    task = (
        np.sort(random.integers(0, tasks, rows)) if letter != "C" else np.repeat(range(tasks), rows // tasks)
    )
    x = random.normal(size=(rows, size)).astype(np.float32)
    x[:, 0] = 1.0
    f = (x * random.normal(0, 0.3, (tasks, size))[task]).sum(1)
    y = {
        "A": f + random.normal(size=rows),
        "B": (f + random.logistic(size=rows) > 0).astype(float),
        "C": np.arange(rows) % classes,  # what the classes are makes no difference to the time
    }[letter].astype(np.float32)
    batch = 0 if "full" in case else int(case.split()[-1])
    path = FOLDER / f"{case.replace(', ', '_').replace(' ', '_')}.npz"
    np.savez(path, x=x, y=y, task=task, case=letter, batch=batch)
    return path


class Side:
    """A process that waits for its turns."""

    def __init__(self, side: str, path: Path) -> None:
        name, how = {
            "Pyro": ("_step_pyro", "plain"),
            "Pyro, JitTrace_ELBO": ("_step_pyro", "jit"),
            "ours, uncompiled": ("_step_ours", "uncompiled"),
            "ours, compiled": ("_step_ours", "compiled"),
        }.get(side, ("_step_numpyro", "scan"))
        command = [sys.executable, "-m", f"benchmarks.{name}", str(path), how]
        if side.startswith("NumPyro"):
            command = [str(peers_python()), str(Path(__file__).with_name("_step_numpyro.py")), str(path)]
        # The core is inherited; so every library counts one.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        if self._answer() != "ready":
            raise RuntimeError(f"{side} did not start")
        self.steps = 10
        first = self.turn()
        # numbers of steps stay fixed afterwards: NumPyro compiles one scan for each
        self.steps = max(2, round(SECONDS / first))
        self.turn()

    def _answer(self) -> str:
        output = self._process.stdout
        line = output.readline().strip() if output is not None else ""
        if not line:
            raise RuntimeError("a side ended before it was asked to")
        return line

    def turn(self) -> float:
        """Mean seconds of a step over one turn."""
        if self._process.stdin is None:
            raise RuntimeError("a side cannot be asked")
        self._process.stdin.write(f"{self.steps}\n")
        return float(self._answer()) / self.steps

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(60)


def main() -> None:
    """Every case: all sides in turns, medians and ratios."""
    options = arguments(__doc__ or "")
    peers_python()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report, rounds = Report("step"), 3 if options.quick else 15
    chosen = [case for case in CASES if any(part in case for part in options.only or [""])]
    for case in chosen[1:2] if options.quick and not options.only else chosen:
        path = write_data(case)
        sides = {side: Side(side, path) for side in SIDES}
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side, process in sides.items():
                times[side].append(1e6 * process.turn())
        for process in sides.values():
            process.close()
        ours = times["ours, compiled"]
        for side, found in times.items():
            report.add(case, side, "step", statistics.median(found), float(np.std(found)), "us")
        for side in SIDES[:-1]:
            # neighbours in time: what else the machine does hits both
            ratio = [a / b for a, b in zip(times[side], ours, strict=True)]
            report.add(case, f"{side} / ours", "ratio", statistics.median(ratio), float(np.std(ratio)), "x")
    report.finish()


if __name__ == "__main__":
    main()
