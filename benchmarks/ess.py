"""Effective draws of all hyperparameters a second of CPU: ours, PyMC with nutpie, and NumPyro's NUTS.

The same model for everybody, a process each, one after the other on the same core, in rounds with seeds of
their own. Seconds are those of sampling, warm-up included, once everything is compiled; of
`PopulationMonteCarlo`, those of the whole fit.
"""

import os
import statistics

import arviz
import numpy as np

from benchmarks._chained import chained
from benchmarks._peers import peers_python
from benchmarks._quality_data import write
from benchmarks._report import Report, arguments

SIDES = ("Collapsed(PopulationMonteCarlo)", "Collapsed(NUTS)", "NUTS", "PyMC nutpie", "NumPyro NUTS")
OURS = 3
"""How many of the sides are ours."""
CASES = ("eight schools", "radon", "School, diagonal")
CHAINS_ONLY = CASES[2:]
"""With more hyperparameters than points are for."""


def smallest(draws: dict[str, np.ndarray]) -> float:
    """Smallest bulk ESS of means, standard deviations, correlations and noise.

    Draws that were chosen among weighted points are worth no more than these were: 1 / ESS adds up.
    """
    parts = [draws[name] for name in ("mean", "scale", "noise") if name in draws]
    if "correlations" in draws:
        size = draws["correlations"].shape[-1]
        parts.append(draws["correlations"][(..., *np.triu_indices(size, 1))])
    size = min(
        float(np.min(arviz.ess(arviz.convert_to_dataset({"v": np.asarray(part, float)}))["v"].values))
        for part in parts
    )
    return size if "record_effective" not in draws else 1 / (1 / size + 1 / float(draws["record_effective"]))


def main() -> None:
    """Every case: all sides in turns, medians and ratios."""
    options = arguments(__doc__ or "", rounds=(3, "turns of each side"), draws=(500, "draws a chain"))
    peers_python()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = Report("ess")
    cases = CASES[:2] if options.quick else CASES
    for case in [case for case in cases if any(part in case for part in options.only or [""])]:
        path = write(case)
        if path is None:
            continue
        draws = 200 if options.quick else options.draws
        settings = {"draws": draws, "warmup": draws, "chains": 2, "target_accept": 0.9}
        ours, others = SIDES[case in CHAINS_ONLY : OURS], SIDES[OURS:]
        found: dict[str, list[float]] = {side: [] for side in (*ours, *others)}
        for turn in range(1 if options.quick else options.rounds):
            for side in found:
                drawn = chained(path, side, **settings, seed=10 * turn, centred=False)
                size, cpu, wall = smallest(drawn), float(drawn["record_cpu"]), float(drawn["record_wall"])
                found[side].append(size / cpu)
                report.add(case, side, f"seconds of CPU, turn {turn}", cpu, unit="s")
                report.add(case, side, f"seconds, turn {turn}", wall, unit="s")
                report.add(case, side, f"smallest ESS, turn {turn}", size)
                steps = float(drawn["record_steps"].sum())
                report.add(case, side, f"steps, turn {turn}", steps)
        for side, rates in found.items():
            report.add(
                case, side, "ESS a second of CPU", statistics.median(rates), float(np.std(rates)), "/s"
            )
        for side in others:
            for own in ours:
                ratio = [a / b for a, b in zip(found[own], found[side], strict=True)]
                report.add(
                    case, f"{own} / {side}", "ratio", statistics.median(ratio), float(np.std(ratio)), "x"
                )
    report.finish()


if __name__ == "__main__":
    main()
