"""One small fit in a process of its own, whose seconds are printed: ``python -m benchmarks._small_fit``."""

import sys
import time
from collections.abc import Callable

from bayes_mtl import MultiTaskModel, Posterior, TaskData, datasets, fit
from bayes_mtl.inference import NUTS, SVI
from bayes_mtl.likelihoods import Bernoulli, NegativeBinomial, StudentT
from bayes_mtl.priors import Hierarchical


def counts() -> tuple[MultiTaskModel, TaskData]:
    """Ticks on 403 chicks at 63 locations; the height has one weight for all."""
    data = TaskData.from_frame(datasets.grouseticks(), y="ticks", task="location", x=["height"], varying=[])
    return MultiTaskModel(Hierarchical(), NegativeBinomial()), data


def classes() -> tuple[MultiTaskModel, TaskData]:
    """Whether 1,300 pupils of 65 schools are above the average."""
    frame = datasets.exam().sample(1_300, random_state=0)
    data = TaskData.from_frame(
        frame.assign(passed=frame["score"] > 0), y="passed", task="school", x=["intake"]
    )
    return MultiTaskModel(Hierarchical(), Bernoulli()), data


def heavy_tails() -> tuple[MultiTaskModel, TaskData]:
    """Reaction times of 18 subjects on ten days without sleep."""
    data = TaskData.from_frame(datasets.sleepstudy(), y="reaction", task="subject", x=["days"])
    return MultiTaskModel(Hierarchical(), StudentT()), data


CASES: dict[str, Callable[[], tuple[MultiTaskModel, TaskData]]] = {
    "403 counts, 63 tasks": counts,
    "975 classes, 65 tasks": classes,
    "135 heavy tails, 18 tasks": heavy_tails,
}


def sides(quick: bool) -> dict[str, Callable[[MultiTaskModel, TaskData], Posterior]]:
    """Ways to fit, by name."""
    length = 50 if quick else 1_000
    steps = 200 if quick else 20_000
    return {
        "fit": lambda model, data: fit(model, data, progress=False),
        "SVI": lambda model, data: SVI(progress=False, steps=steps).run(model, data),
        "reference": lambda model, data: NUTS(draws=2 * length, warmup=length, chains=2, progress=False).run(
            model, data, seed=7
        ),
        "NUTS": lambda model, data: NUTS(draws=length, warmup=length, chains=2, progress=False).run(
            model, data
        ),
    }


def main() -> None:
    """Fit a case's training data by one side; the posterior goes into a file."""
    case, side, quick, path = sys.argv[1:]
    model, data = CASES[case]()
    train, _ = data.split(0.25, seed=0)
    began = time.perf_counter()
    posterior = sides(quick == "quick")[side](model, train)
    print(time.perf_counter() - began)
    posterior.save(path)


if __name__ == "__main__":
    main()
