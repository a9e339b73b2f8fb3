"""Census income: three binary tasks on one set of people, alone, with a shared bottom, MMoE and MMoEEx.

Income above 50,000, never married, college. Marital status and education are targets and no inputs; what
says the same as they do (tax filer's status, household summaries) is left out, as in the literature. The file
is the published test part, split anew, with a third of the published training rows: figures are near
published ones, and not comparable to them.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pyro.infer.autoguide import AutoNormal
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.diagnostics import delta, metrics
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.likelihoods import Bernoulli
from bayes_mtl.networks import MLP, MMoE, experts
from benchmarks._report import Report, arguments, outside_data
from benchmarks._ridge import Ridge

TARGETS = {"income": "income_50k", "never married": "never_married", "college": "college"}
LEFT_OUT = ("instance_weight", "marital_stat", "education", "tax_filer_stat", "split")
EXPERTS, WIDTH = 4, 16


def people(folder: Path, rows: int | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels of the training and the test part: numbers, and one column a category."""
    table = pd.read_parquet(folder / "census_kdd_test99762.parquet")
    hidden = [
        name for name in table if name in LEFT_OUT or name.startswith("det_hh_") or name in TARGETS.values()
    ]
    inputs = table.drop(columns=hidden)
    words = [name for name in inputs if not pd.api.types.is_numeric_dtype(inputs[name])]
    x = pd.get_dummies(inputs, columns=words, dtype=np.float32)
    x = x.loc[:, x.astype(bool).sum() >= 50].to_numpy(np.float32)
    y = table[list(TARGETS.values())].to_numpy(float)
    kept = {name: np.flatnonzero(table["split"] == name)[:rows] for name in ("train", "test")}
    return {name: (x[own], y[own]) for name, own in kept.items()}


def networks(features: int, tasks: int, seed: int) -> dict[str, nn.Module]:
    """Networks with as many hidden units."""

    def mixed() -> list[nn.Module]:
        return experts(partial(MLP, features, (WIDTH,)), EXPERTS, seed=100 * seed)

    return {
        "shared bottom": MLP(features, (EXPERTS * WIDTH,), seed=seed),
        "MMoE": MMoE(tasks, mixed(), seed=seed),
        "MMoEEx": MMoE(tasks, mixed(), alpha=0.5, seed=seed),
    }


def judged(network: nn.Module, train: TaskData, test: TaskData, steps: int, seed: int) -> pd.DataFrame:
    """Metrics of one fit."""
    svi = SVI(
        partial(AutoNormal, init_scale=0.03), steps=steps, batch_size=512, particles=1, learning_rate=0.005,
        plateau=Plateau(100_000), draws=10, device="cpu", progress=False, compile=False,
    )  # fmt: skip
    return metrics(svi.run(MultiTaskModel(Ridge(1.0), Bernoulli(), network), train, seed=seed), test)


def main() -> None:
    """AUC of every task and method, and what learning together gains."""
    options = arguments(__doc__ or "")
    folder = outside_data("census_kdd")
    if folder is None:
        return
    parts, names = people(folder, 2_000 if options.quick else None), list(TARGETS)
    features, report = parts["train"][0].shape[1], Report("census")
    steps, seeds = (30, 1) if options.quick else (400, 2)
    found: dict[str, list[pd.DataFrame]] = {}
    for seed in range(seeds):
        alone = []
        for t, name in enumerate(names):
            train, test = (TaskData.from_outputs(x, y[:, [t]], task_names=[name]) for x, y in parts.values())
            alone.append(judged(networks(features, 1, seed)["shared bottom"], train, test, steps, seed))
        found.setdefault("single task", []).append(pd.concat(alone))
        train, test = (TaskData.from_outputs(x, y, task_names=names) for x, y in parts.values())
        for method, network in networks(features, len(names), seed).items():
            found.setdefault(method, []).append(judged(network, train, test, steps, seed))
    for method, tables in found.items():
        for name in names:
            values = [table.loc[name, "auc"] for table in tables]
            report.add(name, method, "AUC", float(np.mean(values)), float(np.std(values)))
        pairs = zip(tables, found["single task"], strict=True)
        changes = [100 * delta(table, base).loc["mean", "change"] for table, base in pairs]
        report.add(
            "all tasks",
            method,
            "gain over single tasks",
            float(np.mean(changes)),
            float(np.std(changes)),
            "%",
        )
    report.finish()


if __name__ == "__main__":
    main()
