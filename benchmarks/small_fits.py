"""Small fits of counts, classes and heavy tails: what `fit` takes against SVI and chains.

Each side fits the same rows with the same model, in a process of its own with an empty compiler's cache.
Seconds are wall-clock, compilation counted in and imports left out: run it on one core (``taskset -c 0``), so
that a compiler's helpers count too. Long chains of another seed are the reference. Errors are those of the
unknown that is off most: of its mean in the reference's standard deviations, and of its standard deviation as
a ratio; and the mean log density of rows left out.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bayes_mtl import Posterior
from bayes_mtl.posterior import load
from benchmarks._report import ROOT, Report, arguments
from benchmarks._small_fit import CASES, sides


def fitted(case: str, side: str, quick: bool) -> tuple[float, Posterior]:
    """Seconds, and the posterior."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posterior.safetensors"
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": folder}
        command = [sys.executable, "-m", "benchmarks._small_fit", case, side, "quick" if quick else "full"]
        done = subprocess.run(
            [*command, str(path)], env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout), load(path)


def errors(found: Posterior, reference: Posterior) -> tuple[float, float]:
    """Largest error of a mean, and largest ratio of standard deviations (as its logarithm)."""
    means, ratios = [], []
    for name, value in reference.draws.items():
        a, b = found.draws[name].double(), value.double()
        free = b.std(0) > 1e-6
        means.append(float(((a.mean(0) - b.mean(0)).abs() / b.std(0))[free].max()))
        ratios.append(float((a.std(0) / b.std(0)).log().abs()[free].max()))
    return max(means), float(np.exp(max(ratios)))


def main() -> None:
    """All cases."""
    options = arguments(__doc__ or "")
    report = Report("small_fits")
    for case, make in CASES.items():
        _, test = make()[1].split(0.25, seed=0)
        _, reference = fitted(case, "reference", options.quick)
        for side in sides(options.quick):
            if options.only and not any(part in side for part in options.only):
                continue
            seconds, posterior = fitted(case, side, options.quick)
            mean, ratio = errors(posterior, reference)
            report.add(case, side, "log density left out", posterior.score(test).mean)
            if side != "reference":
                report.add(case, side, "seconds", seconds, unit="s")
                report.add(case, side, "largest error of a mean", mean, unit="sd")
                report.add(case, side, "largest ratio of sds", ratio)
            print(f"{'':28} {posterior.record.method}: {posterior.record.stopped}", flush=True)
    report.finish()


if __name__ == "__main__":
    main()
