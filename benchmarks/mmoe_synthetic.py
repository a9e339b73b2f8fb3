"""MMoE's synthetic pair of tasks over their correlation: a shared bottom, MMoE and MMoEEx of one size.

Two regression tasks of a hundred features, whose directions have the cosine ``p`` (`correlated_pair`). All
networks have one layer of hidden units, linear Bayesian heads, and as many parameters (gates counted); all
are trained for the same short time. The error is the mean squared one on held-out rows against the targets
without noise, in units of their variance. Gains over the shared bottom are paired over seeds, each of which
has tasks of its own; the number after the sign is their standard error.
"""

from functools import partial

import numpy as np
from torch import nn

from bayes_mtl import MultiTaskModel
from bayes_mtl.datasets import correlated_pair
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP, MMoE, experts
from bayes_mtl.priors import Independent
from benchmarks._report import Report, arguments

FEATURES, EXPERTS, WIDTH = 100, 4, 4
UNITS = 24
"""Of the shared bottom: 2,424 parameters; the mixtures have 2,416."""
ROWS, HELD_OUT = 30_000, 2_000


def network(method: str, seed: int) -> nn.Module:
    """One of the three networks."""
    if method == "shared bottom":
        return MLP(FEATURES, (UNITS,), seed=seed)
    mixed = experts(partial(MLP, FEATURES, (WIDTH,)), EXPERTS, seed=100 * seed)
    return MMoE(2, mixed, alpha=0.5 if method == "MMoEEx" else 0.0, seed=seed)


def errors(method: str, correlation: float, seed: int, steps: int) -> np.ndarray:
    """Error of both tasks for one seed."""
    data, truth = correlated_pair(ROWS + HELD_OUT, correlation, FEATURES, seed=seed)
    test = data.row >= ROWS
    svi = SVI(
        steps=steps, batch_size=512, particles=1, learning_rate=0.01, draws=5, progress=False, compile=False
    )
    model = MultiTaskModel(Independent(), Gaussian(units="task"), network(method, seed))
    posterior = svi.run(model, data.subset(np.flatnonzero(~test)), seed=seed)
    held_out = data.subset(np.flatnonzero(test))
    mean = posterior.predict(held_out).mean
    signal = truth.mean[data.row[test], held_out.task]
    return np.array(
        [np.mean((mean - signal)[held_out.task == t] ** 2) / truth.mean[:, t].var() for t in (0, 1)]
    )


def main() -> None:
    """Errors of the three networks, and what the mixtures gain."""
    options = arguments(__doc__ or "")
    seeds = range(2 if options.quick else 10)
    report = Report("mmoe_synthetic")
    for correlation in (0.5,) if options.quick else (0.0, 0.5, 1.0):
        case, found = f"correlation {correlation:g}", {}
        for method in ("shared bottom", "MMoE", "MMoEEx"):
            if options.only and method not in options.only:
                continue
            steps = 150 if options.quick else 200
            found[method] = np.array([errors(method, correlation, seed, steps) for seed in seeds])
            for t, name in enumerate(("first", "second")):
                report.add(
                    case,
                    method,
                    f"error, {name} task",
                    found[method][:, t].mean(),
                    found[method][:, t].std(ddof=1),
                )
        base = found.get("shared bottom")
        for method in () if base is None else ("MMoE", "MMoEEx"):
            if method not in found:
                continue
            for t, name in enumerate(("first", "second")):
                gain = base[:, t] - found[method][:, t]
                report.add(
                    case, method, f"gain, {name} task", gain.mean(), gain.std(ddof=1) / len(gain) ** 0.5
                )
    report.finish()


if __name__ == "__main__":
    main()
