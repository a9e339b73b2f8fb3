"""Held-out log density against seconds: ours, NumPyro's SVI and NUTS, PyMC with nutpie, Bambi.

The same hierarchical model for everybody but Bambi, whose effects of a group are independent; a process
each, one after the other on the same core. A side is judged by the time after which its held-out log density
stays within `NEAR` nats a row of the reference's, which is that of all draws of our chains. Seconds leave
compilation out, which is given beside them; those of chains are shared out to iterations by their steps.
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._chained import chained
from benchmarks._held_out import judged, log_densities, mean_log_density
from benchmarks._peers import peers_python
from benchmarks._quality_data import write
from benchmarks._report import Report, arguments
from benchmarks.ess import smallest

NEAR = 0.002
"""Nats a row: well below the standard error of a held-out mean, above what a few hundred draws leave."""
CASES = ("Landmine-sized", "Chem97", "School")
RATES = (0.01, 0.03)

Curve = list[tuple[float, float, float]]
"""Seconds, seconds of CPU, and held-out log density (standardised targets)."""


def curve(found: dict[str, np.ndarray], data: dict[str, np.ndarray]) -> Curve:
    """What a side reached when."""
    if "record_curve" in found:
        return [(float(a), float(b), float(c)) for a, b, c in found["record_curve"]]
    binary = bool(data["binary"])
    weights = found["weights"].reshape(-1, *found["weights"].shape[2:])
    noise = None if binary else found["noise"].reshape(-1)
    each = log_densities(weights, noise, data["x_test"], data["task_test"], data["y_test"])
    wall, cpu = float(found["record_wall"]), float(found["record_cpu"])
    if "record_steps" not in found:
        return [(wall, cpu, mean_log_density(each))]
    steps = np.cumsum(found["record_steps"].reshape(-1)) / found["record_steps"].sum()
    warm = steps.size - len(each)  # one chain
    return [(wall * steps[warm + n - 1], cpu * steps[warm + n - 1], value) for n, value in judged(each)]


def reached(found: Curve, target: float) -> tuple[float, float]:
    """When it is there for good, in seconds and in seconds of CPU; infinite where it is not."""
    wall = cpu = float("inf")
    for a, b, value in reversed(found):
        if value < target:
            break
        wall, cpu = a, b
    return wall, cpu


def variational(binary: bool, quick: bool, rows: int) -> dict[str, dict[str, Any]]:
    """Settings of NumPyro's SVI to choose from."""
    guides = ("mean field", "full rank") if binary else ("mean field", "low rank")
    if quick:
        guides = guides[:1]
    found = {}
    for guide in guides:
        for rate in RATES[-1:] if quick else RATES:
            for batch in (0,) if rows < 20_000 or quick else (0, 1_000):
                text = f"{guide}, {rate}, {'all rows' if not batch else f'{batch} rows'}"
                found[text] = {"guide": guide, "rate": rate, "batch": batch, "block": 200, "judged": 100}
    return found


def sides(case: str, binary: bool, options: Any, rows: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Side by name: method and settings."""
    quick = options.quick
    draws = 80 if case == "School" else 300
    nuts = {"draws": draws, "warmup": draws, "chains": 1, "target_accept": 0.8}
    ours: dict[str, tuple[str, dict[str, Any]]] = {}
    if not binary:
        ours["Collapsed"] = ("Collapsed", {})
        ours["Collapsed(NUTS)"] = ("Collapsed(NUTS)", nuts)
    ours["SVI"] = ("SVI", {"steps": 2_000 if quick else 6_000})
    if binary:
        ours["NUTS"] = ("NUTS", nuts)
    limit = {"seconds": 10 if quick else options.seconds}
    for name, own in variational(binary, quick, rows).items():
        ours[f"NumPyro SVI, {name}"] = ("NumPyro SVI", {**own, **limit})
    ours["NumPyro NUTS"] = ("NumPyro NUTS", nuts)
    ours["PyMC nutpie"] = ("PyMC nutpie", nuts)
    ours["Bambi nutpie"] = ("PyMC Bambi", nuts)
    if quick:  # chains take minutes
        return {name: own for name, own in ours.items() if "SVI" in name or name == "Collapsed"}
    return ours


def main() -> None:
    """Every case: all sides one after the other."""
    options = arguments(
        __doc__ or "",
        seconds=(40, "of each setting of NumPyro's SVI"),
        limit=(1_200, "seconds that a side may take in all"),
    )
    peers_python()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = Report("time_to_quality")
    cases = ("Chem97",) if options.quick else CASES
    for case in cases:
        path = write(case)
        if path is not None:
            _case(report, case, path, options)
    report.finish()


def _case(report: Report, case: str, path: Path, options: Any) -> None:
    data = dict(np.load(path))
    curves: dict[str, Curve] = {}
    setups: dict[str, float] = {}
    for name, (method, settings) in sides(case, bool(data["binary"]), options, len(data["y"])).items():
        if not any(part in f"{case}: {name}" for part in options.only or [""]):
            continue
        began = time.perf_counter()
        try:
            found = chained(path, method, options.limit, **{"seed": 0, "centred": False, **settings})
        except subprocess.TimeoutExpired:
            print(f"{case}: {name}: not done after {time.perf_counter() - began:.0f} s", flush=True)
            report.add(case, name, "not done after", options.limit, unit="s")
            continue
        curves[name], setups[name] = curve(found, data), float(found["record_setup"])
        if "record_steps" in found:
            rate = smallest(found) / float(found["record_cpu"])
            report.add(case, name, "smallest ESS a second of CPU", rate, unit="/s")
        last = curves[name][-1]
        print(f"{case}: {name}: {last[2]:.4f} after {last[0]:.1f} s ({last[1]:.1f} s of CPU)", flush=True)
    if not curves:
        return
    reference = next(name for name in ("Collapsed(NUTS)", "NUTS", "Collapsed", *curves) if name in curves)
    best = curves[reference][-1][2]
    times = {name: reached(found, best - NEAR) for name, found in curves.items()}
    for name, found in curves.items():
        top = max(value for *_, value in found) - float(data["log_sd"])
        report.add(case, name, "held-out log density", top, unit="nats a row")
        if np.isfinite(times[name][0]):
            report.add(case, name, "to quality", times[name][0], unit="s")
            report.add(case, name, "to quality, CPU", times[name][1], unit="s")
        else:
            report.add(case, name, "not there after, CPU", found[-1][1], unit="s")
        report.add(case, name, "compiling", setups[name], unit="s")
    tuned = [name for name in curves if name.startswith("NumPyro SVI")]
    tuned = sorted(tuned, key=lambda name: times[name][1])[:1]
    own = [name for name in curves if name in ("Collapsed", "SVI") and np.isfinite(times[name][1])]
    for name in [name for name in (*tuned, "NumPyro NUTS", "PyMC nutpie") if name in curves]:
        # a side that is not there yet has at least taken what it took
        taken = times[name][1] if np.isfinite(times[name][1]) else curves[name][-1][1]
        metric = "ratio of CPU to quality" if np.isfinite(times[name][1]) else "least ratio of CPU to quality"
        for mine in own:
            report.add(case, f"{name} / {mine}", metric, taken / times[mine][1], unit="x")


if __name__ == "__main__":
    main()
