"""The four model families: their accuracy claims one after the other, then all of them on School.

``--only gig sparse hierarchy gumbel school`` picks parts.
"""

import time
from functools import partial

import numpy as np

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, AbstractInference, Collapsed, CoordinateAscent, Trees
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    GumbelSoftmax,
    Hierarchical,
    LatentHierarchy,
    TaskClustering,
)
from benchmarks import _family_gig, _family_gumbel, _family_hierarchy, _family_sparse
from benchmarks._report import Report, arguments
from benchmarks._school_data import pupils
from benchmarks.school import explained

_SPLITS = 3


def main() -> None:
    """Run the chosen parts."""
    options = arguments(__doc__ or "")
    report = Report("families")
    parts = {
        "gig": _family_gig.run,
        "sparse": _family_sparse.run,
        "hierarchy": _family_hierarchy.run,
        "gumbel": _family_gumbel.run,
        "school": school,
    }
    for name, run in parts.items():
        if not options.only or name in options.only:
            run(report, options.quick)
    report.finish()


def on_school(quick: bool) -> dict[str, tuple[AbstractTaskPrior, AbstractInference]]:
    """One or two members of each family, and the yardstick."""
    svi = partial(SVI, progress=False, particles=1, steps=300 if quick else 4000)
    # A full covariance makes each of the 139 messages a factorisation of 28 x 28 for every candidate.
    tree = LatentHierarchy(covariance="diagonal")
    few = Trees(draws=2, warmup=5, chains=1, progress=False)
    return {
        "hierarchical, Collapsed": (Hierarchical(), Collapsed()),
        "hierarchical diagonal, Coll.": (Hierarchical(covariance="diagonal"), Collapsed()),
        "clusters 3, Collapsed": (TaskClustering(3), Collapsed()),
        "group sparse, coord. ascent": (GroupSparse(rank=1), CoordinateAscent()),
        "group sparse rank 5, coord.": (GroupSparse(rank=5), CoordinateAscent()),
        "latent hierarchy, Trees": (tree, few if quick else Trees(chains=2, progress=False)),
        "Gumbel-softmax, SVI": (GumbelSoftmax(), svi()),
    }


def school(report: Report, quick: bool) -> None:
    """Explained variance (total), held-out log density a row, and seconds, on the first splits."""
    stored = pupils()
    if stored is None:
        return
    x, y, task, masks = stored
    for name, (prior, inference) in on_school(quick).items():
        found: dict[str, list[float]] = {"explained, total": [], "log density a row": [], "seconds": []}
        for seed, train in enumerate(masks[: 1 if quick else _SPLITS]):
            data = TaskData.from_arrays(x[train], y[train], task[train])
            held_out = TaskData.from_arrays(x[~train], y[~train], task[~train])
            began = time.perf_counter()
            posterior = inference.run(MultiTaskModel(prior, Gaussian()), data, seed=seed)
            found["seconds"].append(time.perf_counter() - began)
            mean = posterior.predict(held_out).mean
            found["explained, total"].append(explained(held_out.y, mean, held_out.task)["explained, total"])
            found["log density a row"].append(posterior.score(held_out).mean)
        for metric, values in found.items():
            unit = {"seconds": "s", "log density a row": "nats"}.get(metric, "%")
            report.add("School", name, metric, np.mean(values), np.std(values), unit)


if __name__ == "__main__":
    main()
