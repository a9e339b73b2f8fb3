"""How many threads a fit runs on, and that the linear algebra of its start ends on several."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, _steps
from bayes_mtl.likelihoods import Categorical, StudentT
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical

PRIOR = Hierarchical(covariance="diagonal")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def rows(number: int, features: int, classes: int = 0) -> TaskData:
    random = np.random.default_rng(0)
    x = random.normal(size=(number, features)).astype(np.float32)
    y = random.integers(0, classes, number) if classes else x.sum(1) + random.normal(size=number)
    return TaskData.from_arrays(x, y, np.arange(number) % 5)


CASES: dict[str, tuple[MultiTaskModel, TaskData, list[int]]] = {
    "small": (MultiTaskModel(PRIOR, StudentT()), rows(200, 3), [1, 1]),
    "large": (MultiTaskModel(PRIOR, StudentT()), rows(30_000, 8), [2, 1]),
    "network": (MultiTaskModel(PRIOR, StudentT(), network=MLP(8, (256, 64))), rows(2_000, 8), [2, 2]),
    "classes": (MultiTaskModel(PRIOR, Categorical()), rows(3_000, 99, 10), [2, 2]),
}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("case", CASES)
def test_threads_before_and_after_compiling(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data, expected = CASES[case]
    monkeypatch.setattr(_steps, "_FIRST_EAGER", 2)
    monkeypatch.setattr(_steps, "_WORTH_COMPILING", 2)
    # The compiler's part is not what this is about.
    monkeypatch.setattr(_steps, "compile_or_warn", lambda *_: None)
    seen: list[int] = []

    def look(*_: Any) -> None:
        seen.append(torch.get_num_threads())

    SVI(steps=4, draws=2, progress=False, on_step=look).run(model, data)
    assert [seen[0], seen[-1]] == expected
    assert torch.get_num_threads() == 2


START = """
import numpy as np, torch
from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference._start import start_values
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import GroupSparse, Hierarchical
torch.set_num_threads(2)
random = np.random.default_rng(0)
data = TaskData.from_arrays(random.normal(size=(600, 250)), random.normal(size=600), np.arange(600) % 10)
for prior in (Hierarchical(covariance="diagonal"), GroupSparse.ard()):
    start_values(MultiTaskModel(prior, Gaussian()).program(data), data)
print("done")
"""


def test_large_systems_of_tasks_end_on_two_threads() -> None:
    """Batches of Gaussian eliminations of this size never return there, with torch 2.13."""
    command = [sys.executable, "-c", START]
    found = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert found.stdout.strip() == "done"
