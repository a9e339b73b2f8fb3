"""The settings of the PhysioNet benchmark, tried on its validation stays.

Training on set a, figures of set b alone; point heads, one seed. Each training is looked at after several
numbers of steps and judged where its mean log score over the tasks is best: in the benchmark, too, set b
says when a training has lasted long enough. What counts is the AUC of death there, averaged over the networks
(one trained for death alone, shared bottom, MMoE, MMoEEx). Settings that gained nothing, or cost too much,
were not tried with all of them, and the widest networks not for more than 300 steps.

``--only`` takes parts of names as ``"rate 0.001"``. What was run before is read from
``build/benchmarks/physionet_selection``; remove the folder to run it again.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bayes_mtl import MultiTaskModel
from bayes_mtl.diagnostics import expert_diversity, metrics
from bayes_mtl.inference import MAP
from benchmarks._physionet import Physionet, likelihood, loaded
from benchmarks._physionet_networks import networks
from benchmarks._physionet_settings import Settings
from benchmarks._report import ROOT, Report, arguments, outside_data
from benchmarks._ridge import Ridge

PARTS = ROOT / "build" / "benchmarks" / "physionet_selection"
NETWORKS = ("single task", "shared bottom", "MMoE", "MMoEEx")
SHORT, MIDDLE, LONG = (100, 130, 200), (130, 200, 300), (130, 200, 300, 500)
SMALL = Settings(rate=1e-3, dropout=0.2, experts=4, width=16)
"""Where the search began."""
SLOW = replace(SMALL, rate=3e-4, dropout=0.4)
WIDE = replace(SMALL, dropout=0.4, experts=8, width=32)
GRID: tuple[tuple[Settings, tuple[int, ...], tuple[str, ...]], ...] = (
    (SMALL, LONG, NETWORKS),
    (replace(SMALL, rate=3e-4), LONG, NETWORKS),
    (replace(SMALL, rate=3e-3), LONG, NETWORKS),
    (replace(SMALL, dropout=0.4), LONG, NETWORKS),
    (SLOW, LONG, NETWORKS),
    (replace(SLOW, precision=300.0), LONG, NETWORKS),
    (replace(SLOW, head_rate=0.05), LONG, NETWORKS[1:]),
    (replace(SLOW, experts=8), LONG, NETWORKS[1:]),
    (replace(WIDE, width=16), MIDDLE, NETWORKS),
    (replace(SLOW, experts=8, mode="exclusion"), LONG, NETWORKS[3:]),
    (replace(SLOW, experts=8, alpha=0.75), LONG, NETWORKS[3:]),
    (replace(WIDE, rate=3e-4), MIDDLE, NETWORKS),
    (replace(WIDE, head_rate=0.05), SHORT, NETWORKS[:3]),
)
"""Settings, numbers of steps, and networks."""
SHOWN = (("death", "auc"), ("death", "log_score"), ("decompensation", "auc"))
Row = dict[str, Any]


def name_of(settings: Settings) -> str:
    """What there is to choose, without the steps."""
    kept = {key: value for key, value in asdict(settings).items() if key not in ("steps", "decay")}
    return ", ".join(f"{key} {value}" for key, value in kept.items())


def judged(data: Physionet, network: str, settings: Settings, steps: tuple[int, ...]) -> dict[str, Row]:
    """Figures of the validation stays along one training, by the number of steps."""
    features, tasks = data.train.x.shape[-1], len(data.train.schema.tasks)
    made = networks(features, tasks, 0, settings)["shared bottom" if tasks == 1 else network]
    model = MultiTaskModel(Ridge(settings.precision), likelihood(data.train), made())
    found: dict[str, Row] = {}
    with TemporaryDirectory() as folder:
        for number in steps:
            svi = replace(settings, steps=number).svi()
            svi = replace(svi, checkpoint=str(Path(folder) / "training"), checkpoint_every=number)
            posterior = MAP(training=svi, progress=False).run(model, data.train)
            table = metrics(posterior, data.valid)
            row = {
                f"{task} {metric}": table.loc[task, metric] for task, metric in SHOWN if task in table.index
            }
            row["mean log score"] = table["log_score"].mean()
            if "MMoE" in network:
                row["diversity"] = expert_diversity(posterior, data.valid).score
            found[str(number)] = {key: float(value) for key, value in row.items()}
    return found


def stored(
    folder: Path, network: str, settings: Settings, steps: tuple[int, ...], quick: bool
) -> dict[str, Row]:
    """The same, from the disk where it is."""
    path = PARTS / f"{'quick ' if quick else ''}{network}, {name_of(settings)}.json"
    if path.exists():
        kept: dict[str, Row] = json.loads(path.read_text())
        return kept
    data = loaded(folder, "death" if network == "single task" else None, 300 if quick else None)
    found = judged(data, network, settings, (10, 20) if quick else steps)
    PARTS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))
    return found


def main() -> None:
    """Every setting and network, and the mean AUC of death over the networks."""
    options = arguments(__doc__ or "")
    folder = outside_data("physionet2012")
    if folder is None:
        return
    report = Report("physionet_selection")
    for settings, steps, names in GRID[:1] if options.quick else GRID:
        case = name_of(settings)
        if options.only and not any(part in case for part in options.only):
            continue
        chosen = []
        for network in names:
            found = stored(folder, network, settings, steps, options.quick)
            best = max(found, key=lambda number: found[number]["mean log score"])
            for number, row in found.items():
                for metric, value in row.items():
                    report.add(case, f"{network}, {number} steps", metric, value)
            report.add(case, network, "steps", float(best))
            chosen.append(found[best]["death auc"])
        if len(chosen) == len(NETWORKS):
            report.add(case, "all networks", "death auc", sum(chosen) / len(chosen))
    report.finish()


if __name__ == "__main__":
    main()
