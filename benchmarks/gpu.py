"""SVI steps on a GPU: against the floor of its memory, against the CPU, and how often they wait."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from pyro.infer.autoguide import AutoNormal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Categorical, Gaussian
from bayes_mtl.priors import GumbelSoftmax, Hierarchical, TaskClustering
from benchmarks._report import Report, arguments
from benchmarks._stepping import Stepping

WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


def arrays(tasks: int, features: int, rows: int, classes: int = 0) -> TaskData:
    """Random data; what they say makes no difference to the time."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, features)).astype(np.float32)
    task = np.sort(random.integers(0, tasks, rows))
    task[:tasks] = np.sort(np.arange(tasks))
    y = np.arange(rows) % classes if classes else random.normal(size=rows)
    return TaskData.from_arrays(x, y, np.sort(task))


CASES: dict[str, Callable[[], tuple[MultiTaskModel, TaskData, SVI]]] = {
    "20 tasks x 2,048 x 65 classes": lambda: (
        MultiTaskModel(GumbelSoftmax(), Categorical()),
        arrays(20, 2047, 4_160, 65),
        SVI(particles=1, batch_size=256),
    ),
    "mixture, 139 x 28, batch 256": lambda: (
        MultiTaskModel(TaskClustering(4, covariance="diagonal"), Gaussian()),
        arrays(139, 27, 15_362),
        SVI(particles=1, batch_size=256, guide=AutoNormal),
    ),
    "mixture, 139 x 28, all rows": lambda: (
        MultiTaskModel(TaskClustering(4, covariance="diagonal"), Gaussian()),
        arrays(139, 27, 15_362),
        SVI(particles=1, guide=AutoNormal),
    ),
    "hierarchy, 2,000 x 64, 10^6 rows": lambda: (
        MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()),
        arrays(2000, 63, 1_000_000),
        SVI(particles=1, batch_size=1_000_000),
    ),
}


def copied_bytes_per_second() -> float:
    """What a copy within the GPU's memory moves, bytes read and written."""
    source = torch.empty(2**28, device="cuda")
    target = torch.empty_like(source)
    return 8 * source.numel() / timed(lambda: target.copy_(source), 20)


def timed(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call that is repeated without a wait, over five rounds."""
    found = []
    for _ in range(6):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(repeats):
            call()
        torch.cuda.synchronize()
        found.append((time.perf_counter() - began) / repeats)
    return statistics.median(found[1:])


def waits(stepping: Stepping, steps: int) -> tuple[float, str]:
    """Times a step that the host waits for the GPU, and the kernels that take longest."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        stepping.run(steps)
        events = found.key_averages
    torch.cuda.synchronize()
    every = events()
    number = sum(event.count for event in every if event.key in WAITS)
    longest = sorted(every, key=lambda event: -event.self_device_time_total)[:14]
    lines = [
        f"{e.self_device_time_total / steps:8.1f} us {e.count / steps:6.1f} x  {e.key[:100]}" for e in longest
    ]
    return number / steps, "\n".join(lines)


def main() -> None:
    """Every case compiled and uncompiled on the GPU, and compiled on the CPU beside it."""
    options = arguments(__doc__ or "")
    if not torch.cuda.is_available():
        print("skipped: no GPU here")
        return
    report = Report("gpu")
    bandwidth = copied_bytes_per_second()
    report.add("copy in memory", "torch", "bandwidth", bandwidth / 1e9, unit="GB/s")
    for name, case in CASES.items():
        if options.only and not any(part in name for part in options.only):
            continue
        model, data, svi = case()
        rows = svi.batch_size or len(data)
        for method, compile in (("compiled", True), ("uncompiled", False)):
            stepping = Stepping(model, data, svi, "cuda", compile)
            stepping.run(3)
            seconds = timed(partial(stepping.run, 5), 20 if compile else 4) / 5
            report.add(name, f"GPU, {method}", "step", 1e6 * seconds, unit="us")
            if compile:
                # all that changes is read and written once, the batch read once
                moved = 2 * stepping.state_bytes() + 4 * rows * data.x.shape[1]
                report.add(name, "floor of the memory", "step", 1e6 * moved / bandwidth, unit="us")
                report.add(name, "GPU, compiled / floor", "ratio", seconds * bandwidth / moved, unit="x")
                number, kernels = waits(stepping, 20)
                report.add(name, "GPU, compiled", "waits a step", number)
                print(kernels)
            stepping.close()
        if not options.quick:
            stepping = Stepping(model, data, svi, "cpu", True)
            stepping.run(3)
            seconds = timed(partial(stepping.run, 1), 3)
            report.add(name, "CPU, compiled", "step", 1e6 * seconds, unit="us")
            stepping.close()
    report.finish()


if __name__ == "__main__":
    main()
