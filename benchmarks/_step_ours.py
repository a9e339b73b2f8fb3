"""A timed side of the step benchmark: `SVI.run` as a user calls it, everything in its loop included."""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from pyro.infer.autoguide import AutoNormal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian
from bayes_mtl.priors import GumbelSoftmax, Hierarchical, TaskClustering

WARM = 20


class Clock:
    """Called after every step: answers each number of steps that comes in with the seconds they took."""

    def __init__(self) -> None:
        self.left, self.began = WARM, 0.0

    def __call__(self, step: int, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            print("ready" if self.began == 0.0 else time.perf_counter() - self.began, flush=True)
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            self.left, self.began = int(line), time.perf_counter()


def main(path: Path, how: str) -> None:
    """Run one fit that lasts until nobody asks any more."""
    warnings.simplefilter("error")  # a fit that goes on uncompiled must not pass for a compiled one
    torch.set_num_threads(1)
    data = np.load(path)
    case, size = str(data["case"]), int(data["batch"]) or None
    model = {
        "A": MultiTaskModel(TaskClustering(4, covariance="diagonal"), Gaussian()),
        "B": MultiTaskModel(Hierarchical(covariance="diagonal"), Bernoulli()),
        "C": MultiTaskModel(GumbelSoftmax(), Categorical()),
    }[case]
    svi = SVI(
        steps=10_000_000,
        batch_size=size,
        particles=1,
        guide=None if case == "C" else AutoNormal,
        learning_rate=0.01,
        plateau=Plateau(window=1_000_000),
        progress=False,
        compile=how == "compiled",
        on_step=Clock(),
    )
    # The first column is constant: the intercept that the library adds itself.
    svi.run(model, TaskData.from_arrays(data["x"][:, 1:], data["y"], data["task"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
