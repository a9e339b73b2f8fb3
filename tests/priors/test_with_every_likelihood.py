"""Every prior with every likelihood: particles at once equal a loop, mini-batches average to the whole."""

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Categorical, Gaussian, Mixed, Poisson
from bayes_mtl.priors import AbstractTaskPrior
from bayes_mtl.testing._check_model import check_program
from tests.crossed import crossed
from tests.likelihoods.cases import CASES
from tests.priors.cases import PRIORS

NOISY = Gaussian(noise="task")
MIXED = {
    "mixed": Mixed({"t0": Bernoulli(), "t1": Bernoulli(), "t2": Poisson(), "t3": Poisson()}, default=NOISY),
    "mixed_classes": Mixed({"t0": Categorical(3), "t1": Categorical(3)}, default=Gaussian()),
}
LIKELIHOODS = {name: case.likelihood for name, case in CASES.items()} | MIXED


def data_of(name: str) -> TaskData:
    """24 observations of 6 tasks, or the 60 of 3 that the likelihood's own tests use, with task features."""
    random = np.random.default_rng(0)
    if name in CASES:
        case = CASES[name]
        y = case.y(random)
        task = np.resize(["A", "B", "C"], len(y))
        x = np.column_stack([np.linspace(-1.0, 1.0, len(y)), random.normal(size=len(y))])
        return TaskData.from_arrays(x, y, task, task_features=random.normal(size=(3, 2)), **case.columns)
    task = np.arange(24) % 6
    y = np.where(task < 4, random.integers(0, 2, 24), random.normal(size=24))
    names = [f"t{t}" for t in range(6)]
    features = random.normal(size=(6, 2))
    return TaskData.from_arrays(
        random.normal(size=(24, 2)), y, task, task_names=names, task_features=features
    )


@pytest.mark.parametrize(("key", "name"), crossed(PRIORS, LIKELIHOODS, every=4))
def test_the_program_is_right(key: str, name: str) -> None:
    prior: AbstractTaskPrior = PRIORS[key]
    likelihood: AbstractLikelihood = LIKELIHOODS[name]
    data = data_of(name)
    program = MultiTaskModel(prior, likelihood).program(data)
    check_program(f"{type(prior).__name__} with {name}", program, data, capture=False)
