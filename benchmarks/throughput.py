"""Rows a second in the training of mixtures of experts: plain PyTorch, and the library with both heads."""

import statistics
import time
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import MAP, SVI, AbstractInference, Plateau
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, MMoE, experts
from bayes_mtl.priors import Independent
from benchmarks._report import Report, arguments

FEATURES, EXPERTS, WIDTH, TASKS, BATCH, ROWS = 76, 8, 32, 4, 256, 8_192


class Plain(nn.Module):
    """A mixture of experts with a gate and a head for each task, as one writes it down."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.Tanh()) for _ in range(EXPERTS)
        )
        self.gates = nn.ModuleList(nn.Linear(FEATURES, EXPERTS, bias=False) for _ in range(TASKS))
        self.heads = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(TASKS))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = torch.stack([expert(x) for expert in self.experts], 1)
        mixed = [(gate(x).softmax(-1).unsqueeze(-1) * found).sum(1) for gate in self.gates]
        return [head(features).squeeze(-1) for head, features in zip(self.heads, mixed, strict=True)]


def plain_seconds(x: np.ndarray, y: np.ndarray, steps: int, skip: int) -> float:
    """Median time of a step of a plain loop: shuffled batches, mean squared errors, Adam."""
    torch.manual_seed(0)
    rows, targets = torch.tensor(x).float(), torch.tensor(y).float()
    model = Plain()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    times, order, at = [], torch.randperm(ROWS), 0
    for _ in range(steps):
        began = time.perf_counter()
        if at + BATCH > ROWS:
            order, at = torch.randperm(ROWS), 0
        index = order[at : at + BATCH]
        at += BATCH
        chosen, wanted = rows[index], targets[index]
        optimiser.zero_grad()
        loss = sum(nn.functional.mse_loss(found, wanted[:, t]) for t, found in enumerate(model(chosen)))
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
        float(loss.detach())  # type: ignore[union-attr]
        times.append(time.perf_counter() - began)
    return statistics.median(times[skip:])


def library_seconds(settings: AbstractInference, model: MultiTaskModel, data: TaskData, skip: int) -> float:
    """Median time between two steps, after the first ``skip``."""
    stamps: list[float] = []
    settings = _watched(settings, stamps)
    settings.run(model, data)
    return statistics.median(np.diff(stamps)[skip:])


def _watched(settings: AbstractInference, stamps: list[float]) -> AbstractInference:
    def stamp(step: int, loss: float) -> None:
        stamps.append(time.perf_counter())

    if isinstance(settings, MAP):
        return MAP(progress=False, training=SVI(**{**vars(settings.training), "on_step": stamp}))
    return SVI(**{**vars(settings), "on_step": stamp})


def main() -> None:
    """Alternating runs; the median step of each."""
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, FEATURES))
    y = np.tanh(x @ random.normal(size=(FEATURES, TASKS)) / 8) + 0.3 * random.normal(size=(ROWS, TASKS))
    data = TaskData.from_outputs(x, y)

    def model(alpha: float) -> MultiTaskModel:
        parts = experts(partial(MLP, FEATURES, (WIDTH,)), EXPERTS)
        return MultiTaskModel(Independent(1.0), Gaussian(), network=MMoE(TASKS, parts, alpha=alpha))

    steps, skip, rounds = (120, 20, 1) if options.quick else (500, 100, 3)
    common = {"steps": steps, "batch_size": BATCH, "draws": 1, "progress": False, "plateau": Plateau(10_000)}
    methods = {"uncompiled": False} if options.quick else {"uncompiled": False, "compiled": True}
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        times.setdefault(("MMoE", "plain PyTorch"), []).append(plain_seconds(x, y, steps, skip))
        for case, alpha in (("MMoE", 0.0), ("MMoEEx", 0.5)):
            for how, compile in methods.items():
                svi = SVI(compile=compile, particles=1, **common)  # type: ignore[arg-type]
                for heads, settings in (("point", MAP(training=svi)), ("Bayesian", svi)):
                    found = library_seconds(settings, model(alpha), data, skip)
                    times.setdefault((case, f"{heads} heads, {how}"), []).append(found)
    report = Report("throughput")
    base = statistics.median(times["MMoE", "plain PyTorch"])
    for (case, method), found in times.items():
        middle = statistics.median(found)
        report.add(case, method, "training", BATCH / middle, unit="rows/s")
        report.add(case, method, "time of a step", middle / base, unit="x plain PyTorch")
    report.finish()


if __name__ == "__main__":
    main()
