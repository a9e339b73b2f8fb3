"""PhysioNet 2012: five tasks of different kinds, alone and together, with point and with Bayesian heads.

Stays are described by running summaries at four times; heads see the network's output and, linearly, the
summaries themselves. Training on set a, figures of set c; settings (`benchmarks.physionet_selection`) and the
length of each training are chosen on set b. Networks: one GRU for each task alone, one for all tasks, and
mixtures of eight; heads: a point, Bayesian on the frozen network of the point fit, and Bayesian together with
the network.

``--only`` takes parts of names as ``"single task death seed 0"`` or ``"MMoEEx  seed 1"``. What was run before
with the same settings is read from ``build/benchmarks/physionet``.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bayes_mtl import MultiTaskModel
from bayes_mtl.diagnostics import delta, expert_diversity, metrics
from bayes_mtl.inference import MAP
from bayes_mtl.networks import Frozen
from bayes_mtl.posterior import Posterior
from benchmarks._physionet import Physionet, likelihood, loaded
from benchmarks._physionet_networks import networks
from benchmarks._physionet_settings import Settings
from benchmarks._report import ROOT, Report, arguments, outside_data
from benchmarks._ridge import Ridge

TASKS = ("death", "stay", "sofa", "saps", "decompensation")
PARTS = ROOT / "build" / "benchmarks" / "physionet"
SHOWN = ("log_score", "auc", "average_precision", "min_se_ppv", "calibration_error", "rmse", "r2")
BOOTSTRAPS = 1000
Found = dict[str, dict[str, Any]]
"""By the kind of heads: metrics, chances of death, diversity."""


def fits(data: Physionet, network: str, settings: Settings, seed: int) -> Iterator[tuple[str, Posterior]]:
    """Posteriors with the kinds of heads, each as it is there; MAML, the slowest, not with joint heads."""
    features, tasks = data.train.x.shape[-1], len(data.train.schema.tasks)
    maml = network.endswith("MAML")
    made = networks(features, tasks, seed, settings)
    module = made["shared bottom" if tasks == 1 else network.removesuffix(", MAML")]()
    prior, svi = Ridge(settings.precision), settings.svi(data.valid, maml=maml)
    model = MultiTaskModel(prior, likelihood(data.train), module)
    point = MAP(training=svi, progress=False).run(model, data.train, seed=seed)
    yield "point", point
    frozen = MultiTaskModel(prior, likelihood(data.train), Frozen(point.program.network))
    yield "Bayesian, frozen", settings.svi(data.valid, frozen=True).run(frozen, data.train, seed=seed)
    if not maml:
        yield "Bayesian, joint", svi.run(model, data.train, seed=seed)


def stored(folder: Path, network: str, task: str | None, seed: int, quick: bool) -> Found:
    """Metrics and chances of death for each kind of heads, from the disk where they are."""
    settings = replace(Settings(), steps=20) if quick else Settings()
    path = PARTS / f"{'quick ' if quick else ''}{network} {task or 'all'} {seed}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == asdict(settings):
            before: Found = kept["found"]
            return before
    data = loaded(folder, task, 300 if quick else None)
    found: Found = {}
    for heads, posterior in fits(data, network, settings, seed):
        table = metrics(posterior, data.test)
        entry: dict[str, Any] = {"metrics": table.to_dict("index"), "steps": len(posterior.record.losses)}
        if "death" in data.test.schema.tasks:
            own = data.test.subset(np.flatnonzero(data.test.task == data.test.schema.tasks.index("death")))
            entry["death"] = {"y": own.y.tolist(), "chance": posterior.predict(own).mean.tolist()}
        if "MMoE" in network and heads != "Bayesian, frozen":
            diversity = expert_diversity(posterior, data.test)
            entry["diversity"] = [diversity.score, diversity.off_diagonal]
        found[heads] = entry
        print(network, task or "", f"seed {seed}", heads, f"{posterior.record.seconds:.0f} s", flush=True)
    PARTS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"settings": asdict(settings), "found": found}))
    return found


def auc(y: np.ndarray, score: np.ndarray) -> float:
    """Area under the curve by ranks: many of them are wanted, quickly."""
    rank, ones = rankdata(score), y.sum()
    return float((rank[y > 0].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones)))


def bootstrap(y: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Difference of two AUCs on the same stays, with the 95 % interval of a paired bootstrap over stays."""
    random, found = np.random.default_rng(0), []
    for _ in range(BOOTSTRAPS):
        own = random.integers(len(y), size=len(y))
        found.append(auc(y[own], first[own]) - auc(y[own], second[own]))
    low, high = np.quantile(found, (0.025, 0.975))
    return auc(y, first) - auc(y, second), float(low), float(high)


def chances(runs: list[Found], heads: str) -> tuple[np.ndarray, np.ndarray]:
    """Death, and its chance averaged over the seeds."""
    return np.array(runs[0][heads]["death"]["y"]), np.mean([run[heads]["death"]["chance"] for run in runs], 0)


def tell(report: Report, network: str, runs: list[Found], single: dict[str, list[Found]]) -> None:
    """Means and standard deviations over seeds, gains over single tasks, and paired differences."""
    for heads in runs[0]:
        method = f"{network}; {heads}"
        tables = [pd.DataFrame.from_dict(run[heads]["metrics"], orient="index") for run in runs]
        for task in tables[0].index:
            for metric in SHOWN:
                values = np.array([table.loc[task, metric] for table in tables], dtype=float)
                if not np.isnan(values).any():
                    report.add(task, method, metric, values.mean(), values.std())
        alone = [
            pd.concat([pd.DataFrame.from_dict(run[heads]["metrics"], orient="index") for run in same])
            for same in zip(*single.values(), strict=False)
        ]
        pairs = [
            (table, base) for table, base in zip(tables, alone, strict=False) if len(base) == len(table) > 1
        ]
        if pairs:
            changes = [100 * delta(table, base).loc["mean", "change"] for table, base in pairs]
            report.add("all tasks", method, "gain over single tasks", np.mean(changes), np.std(changes), "%")
        if "diversity" in runs[0][heads]:
            for i, name in enumerate(("diversity", "diversity off the diagonal")):
                values = np.array([run[heads]["diversity"][i] for run in runs])
                report.add("experts", method, name, values.mean(), values.std())
        if "death" not in runs[0][heads]:
            continue
        y, chance = chances(runs, heads)
        report.add("death, mean of seeds", method, "AUC", auc(y, chance))
        others = {"single task": single.get("death", [])[: len(runs)]} if len(tables[0]) > 1 else {}
        compared = {name: chances(found, heads)[1] for name, found in others.items() if found}
        if heads != "point":
            compared["point heads"] = chances(runs, "point")[1]
        for name, other in compared.items():
            for what, value in zip(("", ", lower", ", upper"), bootstrap(y, chance, other), strict=True):
                report.add("death, mean of seeds", method, f"AUC less {name}{what}", value)


def main() -> None:
    """All networks and seeds, those first that the others are compared with."""
    options = arguments(__doc__ or "")
    folder = outside_data("physionet2012")
    if folder is None:
        return
    report, single = Report("physionet"), dict[str, list[Found]]()
    seeds = range(1 if options.quick else 3)
    cells = [("single task", task) for task in TASKS]
    cells += [(name, None) for name in ("shared bottom", "MMoE", "MMoEEx", "MMoEEx, MAML")]
    for network, task in cells:
        wanted = [
            seed
            for seed in seeds
            if not options.only or any(part in f"{network} {task or ''} seed {seed}" for part in options.only)
        ]
        runs = [stored(folder, network, task, seed, options.quick) for seed in wanted]
        if task is not None and runs:
            single[task] = runs
        if runs:
            tell(report, network, runs, single)
    report.finish()


if __name__ == "__main__":
    main()
