"""Fits that two processes do together; each leaves what it found in a folder."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._seed import seeded
from bayes_mtl.data import Share
from bayes_mtl.inference import SVI, Validation, _fit_on_many
from bayes_mtl.inference._arguments import arguments_of
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._by_task import by_task
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._joined import joined
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._processes import Processes
from bayes_mtl.inference._visits import count_visits, state_of
from bayes_mtl.inference._whole_step import gradient_of
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical, Independent
from tests.inference import cases

STEPS = 12
FOLDER = "BAYES_MTL_TEST_FOLDER"
"""Name of the environment variable that tells the processes their folder."""


class Normalised(nn.Module):
    """A network with running means, which differ between processes."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh())

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor | None) -> Tensor:
        return self.layers(x)


def outputs() -> TaskData:
    """Rows with labels for some of three tasks each."""
    random = np.random.default_rng(0)
    x = random.normal(size=(23, 2))
    targets = x.sum(1, keepdims=True) + random.normal(size=(23, 3))
    targets[random.random((23, 3)) < 0.3] = np.nan
    return TaskData.from_outputs(x, targets)


def network() -> nn.Module:
    torch.manual_seed(0)
    return MLP(2, (3,))


@dataclass(frozen=True)
class Fit:
    model: MultiTaskModel
    data: TaskData
    svi: SVI


def fits() -> dict[str, Fit]:
    """By name; sizes that two processes cannot halve."""
    settings: dict[str, Any] = dict(steps=STEPS, draws=20, progress=False, device="cpu")
    data = cases.rows((9, 8, 8, 8, 8))
    linear = MultiTaskModel(Hierarchical(), Gaussian())
    deep = MultiTaskModel(Independent(), Gaussian(), network())
    return {
        "whole": Fit(linear, data, SVI(**settings)),
        "batches": Fit(linear, data, SVI(batch_size=7, **settings)),
        "tasks": Fit(linear, cases.rows((2,) * 40), SVI(batch_size=5, **settings)),
        "network": Fit(deep, outputs(), SVI(**settings)),
        "rows": Fit(deep, outputs(), SVI(batch_size=5, **settings)),
    }


def normalised() -> Fit:
    """Each process normalises its own rows, so that two do not what one does; but both do the same."""
    data = cases.rows()
    settings: dict[str, Any] = dict(steps=STEPS, draws=20, progress=False, device="cpu", batch_size=10)
    svi = SVI(validation=Validation(data, every=STEPS // 3), **settings)
    return Fit(MultiTaskModel(Independent(), Gaussian(), Normalised()), data, svi)


def gradient(fit: Fit, processes: Processes) -> Tensor:
    """Loss and gradient of the first batch at the start of a fit, as one vector."""
    with seeded(0), local_parameters():
        program = fit.model.program(fit.data).train()
        size = fit.svi.batch_size
        batches, _ = batches_of(program, fit.data, size, 1.0, 0, torch.device("cpu"), share=processes.share)
        guide = make_guide(None, program, {})
        learned = Learned(program, guide, arguments_of(batches, batches.draw()))
        parted = by_task(program, guide, batches)
        if parted is not None:
            batches = parted
            count_visits(guide)
        state = state_of(guide, learned, torch.optim.Adam(learned.groups()))
        torch.manual_seed(1)
        elbo, drawn = ElboGradient(program, guide, 3), batches.draw()
        loss, found = gradient_of(elbo, learned.modules, batches, state, state.detached(), drawn)
        mean = processes.mean([loss, *(value for value in found if value is not None)])
        return torch.cat([value.reshape(-1) for value in mean])


def process(rank: int, svi: SVI, *arguments: Any) -> None:
    """In place of what `SVI` has each process do: that, and all of these fits."""
    _fit_on_many.process_of_fit(rank, svi, *arguments)
    folder, processes = Path(os.environ[FOLDER]), joined(svi)
    assert processes.share == Share(rank, 2)
    for name, fit in {**fits(), "normalised": normalised()}.items():
        np.save(folder / f"{name}-{rank}.npy", gradient(fit, processes).numpy())
        steps: list[float] = []
        own = replace(fit.svi, devices=2, on_step=lambda _, loss, steps=steps: steps.append(loss))
        own.run(fit.model, fit.data).save(folder / f"{name}-{rank}")
        assert len(steps) == (0 if rank else STEPS)
    cut = fits()["batches"]
    path = str(folder / "checkpoint")
    replace(cut.svi, devices=2, steps=STEPS // 2, checkpoint=path).run(cut.model, cut.data)
