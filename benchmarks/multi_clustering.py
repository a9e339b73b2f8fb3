"""Digits as ten tasks in overlapping clusters: accuracy against the experts that tasks use.

Each task asks whether an image shows one digit (scikit-learn's 8 x 8 digits, a quarter held out). The penalty
of task multi-clustering makes tasks give up experts; the baseline has all experts for every task. Accuracy is
that of the digit whose task is surest.
"""

from functools import partial

import numpy as np
import torch
from pyro.infer.autoguide import AutoNormal
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.likelihoods import Bernoulli
from bayes_mtl.networks import MLP, MultiClustering, SelectedExperts, experts
from benchmarks._report import Report, arguments
from benchmarks._ridge import Ridge

EXPERTS, WIDTH, DIGITS = 8, 8, 10
PENALTIES = (0.0, 0.1, 0.3, 1.0)


def fitted(
    network: nn.Module, train: TaskData, test: TaskData, steps: int, seed: int
) -> tuple[float, nn.Module]:
    """Accuracy on held-out images in per cent, and the trained network."""
    svi = SVI(
        partial(AutoNormal, init_scale=0.03), steps=steps, batch_size=128, particles=1, learning_rate=0.01,
        plateau=Plateau(100_000), draws=10, device="cpu", progress=False, compile=False,
    )  # fmt: skip
    posterior = svi.run(MultiTaskModel(Ridge(1.0), Bernoulli(), network), train, seed=seed)
    chance = np.zeros((test.x.shape[0], DIGITS))
    chance[test.row, test.task] = posterior.predict(test).mean
    digit = np.zeros_like(chance)
    digit[test.row, test.task] = test.y
    trained = posterior.program.network
    if trained is None:
        raise RuntimeError("A model with a network was fitted.")
    return 100 * float((chance.argmax(1) == digit.argmax(1)).mean()), trained


def main() -> None:
    """Accuracy and experts for every penalty."""
    from sklearn.datasets import load_digits

    options = arguments(__doc__ or "")
    x, digit = load_digits(return_X_y=True)
    y = (digit[:, None] == np.arange(DIGITS)).astype(float)
    names = [str(d) for d in range(DIGITS)]
    report = Report("multi_clustering")
    steps, seeds = (30, 1) if options.quick else (400, 2)
    cases = {f"penalty {penalty:g}": penalty for penalty in PENALTIES[:: 3 if options.quick else 1]}
    for name, penalty in {"all experts": None, **cases}.items():
        accuracy, used, kept = [], [], []
        for seed in range(seeds):
            held_out = np.random.default_rng(seed).random(len(x)) < 0.25
            train, test = (
                TaskData.from_outputs(x[own], y[own], task_names=names) for own in (~held_out, held_out)
            )
            parts = experts(partial(MLP, x.shape[1], (WIDTH,)), EXPERTS, seed=100 * seed)
            network = (
                SelectedExperts(DIGITS, parts, torch.ones(DIGITS, EXPERTS, dtype=torch.bool))
                if penalty is None
                else MultiClustering(DIGITS, parts, penalty=penalty, seed=seed)
            )
            right, trained = fitted(network, train, test, steps, seed)
            accuracy.append(right)
            if isinstance(trained, MultiClustering):
                open = trained.deployed().open
                used.append(float(open.sum(1).double().mean()))
                kept.append(len(trained.deployed().experts))
            else:
                used.append(EXPERTS)
                kept.append(EXPERTS)
        report.add("digits", name, "accuracy", float(np.mean(accuracy)), float(np.std(accuracy)), "%")
        report.add("digits", name, "experts a task", float(np.mean(used)), float(np.std(used)))
        report.add("digits", name, "experts in all", float(np.mean(kept)), float(np.std(kept)))
    report.finish()


if __name__ == "__main__":
    main()
