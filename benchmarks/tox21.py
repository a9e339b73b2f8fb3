"""Tox21 by scaffold: twelve assays of one set of molecules, with missing labels.

Molecules of the test part have scaffolds that training does not know. Every method is tuned on the validation
part and judged on the test part: the mean AUC over the assays, and the difference to the single-task model
with its standard error over assays.

- ``single task``: a logistic regression an assay with a ridge tuned for each (scikit-learn).
- ``independent``: Bayesian logistic regressions with one width of the prior for all assays.
- ``common weights``: the same around common weights, which have a share of the prior's variance.
- ``shared bottom``, ``MMoE``: 32 hidden units, or four experts of 16, with Bayesian heads.
"""

from functools import partial
from pathlib import Path

import numpy as np
from pyro.infer.autoguide import AutoNormal
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, NetworkTraining, Plateau, Validation
from bayes_mtl.likelihoods import Bernoulli
from bayes_mtl.networks import MLP, MMoE, experts
from benchmarks._report import Report, arguments, outside_data
from benchmarks._ridge import Ridge

RIDGES = (10.0, 20.0, 40.0, 80.0)
"""Precisions of the weights of a bit, for the single-task models."""
PRECISION = 40.0
"""The same for the Bayesian ones."""
SHARES = (0.0, 0.2, 0.4)
"""Of the prior's variance that is common to the assays."""


def parts(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Bits ``[molecules, 1024]``, labels with NaN, part of each molecule, names of the assays."""
    with np.load(folder / "tox21.npz", allow_pickle=False) as stored:
        bits = np.unpackbits(stored["fp_bits"], axis=1).astype(np.float32)
        labels = np.where(stored["Y"] < 0, np.nan, stored["Y"]).astype(np.float64)
        return bits, labels, stored["scaffold_split"], [str(name) for name in stored["tasks"]]


def by_assay(data: TaskData, score: np.ndarray) -> np.ndarray:
    """AUC of each assay."""
    from sklearn.metrics import roc_auc_score

    of_tasks = [data.task == t for t in range(len(data.schema.tasks))]
    return np.array([roc_auc_score(data.y[own], score[own]) for own in of_tasks])


def single(bits: np.ndarray, labels: np.ndarray, part: np.ndarray, ridges: tuple[float, ...]) -> np.ndarray:
    """Test AUC of logistic regressions, each with the ridge that is best on its validation part."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    found = []
    for t in range(labels.shape[1]):
        own = [np.flatnonzero((part == i) & ~np.isnan(labels[:, t])) for i in range(3)]
        scored = []
        for ridge in ridges:
            model = LogisticRegression(C=1 / ridge, max_iter=300).fit(bits[own[0]], labels[own[0], t])
            scored.append([roc_auc_score(labels[i, t], model.decision_function(bits[i])) for i in own[1:]])
        found.append(max(scored)[1])
    return np.array(found)


class Assays:
    """Training, validation and test molecules as data of the library."""

    def __init__(self, bits: np.ndarray, labels: np.ndarray, part: np.ndarray, names: list[str]) -> None:
        self.train, self.valid, self.test = (
            TaskData.from_outputs(bits[part == i], labels[part == i], task_names=names) for i in range(3)
        )

    def linear(self, share: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Weights of the bits themselves; molecules are ranked by the mean of the logit."""
        svi = SVI(
            AutoNormal, steps=steps, batch_size=2048, particles=1, learning_rate=0.02, draws=50, device="cpu",
            progress=False, compile=False,
        )  # fmt: skip
        model = MultiTaskModel(Ridge(PRECISION, share), Bernoulli(), standardize=False)
        weights = svi.run(model, self.train).draws["weights"].mean(0)[..., 0].numpy()
        valid, test = (
            weights[data.task, 0] + (data.x[data.row] * weights[data.task, 1:]).sum(1)
            for data in (self.valid, self.test)
        )
        return by_assay(self.valid, valid), by_assay(self.test, test)

    def network(self, network: nn.Module, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Heads with common weights on a network; training ends when the validation part says so."""
        svi = SVI(
            partial(AutoNormal, init_scale=0.03), steps=steps, batch_size=256, particles=1,
            learning_rate=0.01, network=NetworkTraining(weight_decay=0.1), plateau=Plateau(100_000), draws=20,
            device="cpu", validation=Validation(self.valid, every=50, patience=3, draws=5), progress=False,
            compile=False,
        )  # fmt: skip
        posterior = svi.run(
            MultiTaskModel(Ridge(1.0, 0.2), Bernoulli(), network, standardize=False), self.train
        )
        valid, test = (posterior.predict(data).mean for data in (self.valid, self.test))
        return by_assay(self.valid, valid), by_assay(self.test, test)


def main() -> None:
    """All methods, and their differences to the single-task model."""
    options = arguments(__doc__ or "")
    folder = outside_data("tox21")
    if folder is None:
        return
    bits, labels, part, names = parts(folder)
    report, width = Report("tox21"), bits.shape[1]
    base = single(bits, labels, part, RIDGES[:1] if options.quick else RIDGES)
    report.add("scaffold split", "single task", "mean AUC", base.mean())
    assays, steps = Assays(bits, labels, part, names), 30 if options.quick else 400
    shares = SHARES[1:2] if options.quick else SHARES
    found = {}
    for share in shares:
        name = f"common weights, share {share:g}" if share else "independent"
        if not options.only or any(word in name for word in options.only):
            found[name] = assays.linear(share, steps)
    mixed = experts(partial(MLP, width, (16,), activation=nn.ReLU), 4)
    for name, network in {
        "shared bottom": MLP(width, (32,), activation=nn.ReLU),
        "MMoE": MMoE(len(names), mixed),
    }.items():
        if not options.only or any(word in name for word in options.only):
            found[name] = assays.network(network, steps)
    for name, (valid, test) in found.items():
        report.add("scaffold split", name, "mean AUC, validation", valid.mean())
        report.add("scaffold split", name, "mean AUC", test.mean())
        gain = test - base
        report.add(
            "scaffold split", name, "gain, standard error", gain.mean(), gain.std(ddof=1) / len(gain) ** 0.5
        )
    report.finish()


if __name__ == "__main__":
    main()
