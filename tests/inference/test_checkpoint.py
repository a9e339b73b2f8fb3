"""A fit that was cut off goes on exactly as if it had not been."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import FoldedDistribution, HalfNormal, Normal
from pyro.infer.autoguide import AutoLowRankMultivariateNormal, AutoNormal
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import FileError
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.likelihoods import Gaussian, StudentT
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.priors import Hierarchical, Independent, LowRank
from tests.crossed import crossed
from tests.inference import cases

DATA = cases.rows((4, 6, 8, 6))
MODEL = MultiTaskModel(Hierarchical(), Gaussian())
SHORT = SVI(steps=45, draws=10, progress=False, plateau=Plateau(20, errors=1e6), checkpoint_every=10)


class Noisy(nn.Module):
    """Random numbers, and buffers that change at every step."""

    out_features = 3

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Dropout(0.3))

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor | None) -> Tensor:
        return self.layers(x)


def same(one: Posterior, other: Posterior) -> None:
    assert one.record.losses.tolist() == other.record.losses.tolist()
    assert one.record.stopped == other.record.stopped
    assert all(torch.equal(value, other.draws[name]) for name, value in one.draws.items())
    learned, again = one.program.state_dict(), other.program.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in learned.items())


def cut_off(svi: SVI, path: Path, at: int, model: MultiTaskModel = MODEL) -> None:
    """Ctrl-C after step ``at``."""

    def stop(step: int, loss: float) -> None:
        if step == at:
            raise KeyboardInterrupt

    cut = replace(svi, checkpoint=str(path), on_step=stop)
    assert cut.run(model, DATA).record.stopped == "interrupted"


def own_guide(program: Any) -> Callable[[Any], None]:
    def guide(batch: Any) -> None:
        loc = pyro.param("loc", torch.zeros(4, 3, 1))
        with pyro.plate("tasks", 4, dim=-1):
            pyro.sample("weights_noise", Normal(loc, 0.2).to_event(2))
        noise = pyro.param("noise", torch.tensor(0.5), constraint=torch.distributions.constraints.positive)
        pyro.sample("noise_scale", pyro.distributions.LogNormal(noise.log(), 0.1))

    return guide


SETTINGS: dict[str, tuple[SVI, MultiTaskModel]] = {
    "whole": (SHORT, MODEL),
    "mini-batches": (replace(SHORT, batch_size=10), MODEL),
    "tempered": (replace(SHORT, batch_size=10, temperature=2.0), MODEL),
    "network": (replace(SHORT, batch_size=10), MultiTaskModel(Independent(), Gaussian(), network=Noisy())),
    "autoguide": (replace(SHORT, guide=partial(AutoLowRankMultivariateNormal, rank=2)), MODEL),
    "function": (replace(SHORT, guide=own_guide), MultiTaskModel(Independent(), Gaussian())),
}


@pytest.mark.parametrize(("name", "at"), crossed(SETTINGS, [25, 29], every=2))
def test_resumed_is_bit_identical(name: str, at: int, tmp_path: Path) -> None:
    svi, model = SETTINGS[name]
    path = tmp_path / "fit.ckpt"
    whole = svi.run(model, DATA)
    cut_off(svi, path, at, model)
    seen: list[int] = []
    resumed = replace(svi, checkpoint=str(path), on_step=lambda step, loss: seen.append(step))
    same(resumed.run(model, DATA), whole)
    # Nothing before the last checkpoint is done again; a checkpoint comes after on_step.
    assert seen == list(range(20, 45))


def test_a_fit_can_be_extended(tmp_path: Path) -> None:
    path = str(tmp_path / "fit.ckpt")
    replace(SHORT, steps=25, checkpoint=path).run(MODEL, DATA)
    seen: list[int] = []
    longer = replace(SHORT, checkpoint=path, on_step=lambda step, loss: seen.append(step))
    same(longer.run(MODEL, DATA), SHORT.run(MODEL, DATA))
    assert seen == list(range(25, 45))


def test_a_finished_fit_is_only_read(tmp_path: Path) -> None:
    svi = replace(SHORT, reductions=0, checkpoint=str(tmp_path / "fit.ckpt"), steps=1000)
    first = svi.run(MODEL, DATA)
    assert (first.record.stopped, len(first.record.losses)) == ("plateau", 40)

    def never(step: int, loss: float) -> None:
        raise AssertionError(step)

    same(replace(svi, on_step=never).run(MODEL, DATA), first)


def test_free_settings(tmp_path: Path) -> None:
    path = tmp_path / "fit.ckpt"
    guide = lambda program: AutoNormal(program)  # noqa: E731
    cut_off(replace(SHORT, guide=guide), path, 25)
    # Another function object at another address, more draws, a bar, a later checkpoint.
    again = lambda program: AutoNormal(program)  # noqa: E731
    free = replace(SHORT, guide=again, draws=7, progress=True, checkpoint_every=11, device="cpu")
    assert "0x" in repr(guide)
    resumed = replace(free, checkpoint=str(path)).run(MODEL, DATA)
    whole = replace(SHORT, guide=guide).run(MODEL, DATA)
    assert resumed.record.losses.tolist() == whole.record.losses.tolist()


def other_data(**changes: Any) -> TaskData:
    columns = {"x": DATA.x, "y": DATA.y, "task": DATA.task} | changes
    return TaskData.from_arrays(**columns)


FOREIGN: dict[str, tuple[SVI, MultiTaskModel, TaskData, int]] = {
    "seed": (SHORT, MODEL, DATA, 1),
    "targets": (SHORT, MODEL, other_data(y=DATA.y + 1e-9), 0),
    "features": (SHORT, MODEL, other_data(x=DATA.x * np.where(np.arange(24) == 5, 1.1, 1.0)[:, None]), 0),
    "tasks": (SHORT, MODEL, other_data(task=np.roll(DATA.task, 1)), 0),
    "weight": (SHORT, MODEL, other_data(weight=np.full(24, 2.0)), 0),
    "names": (SHORT, MODEL, other_data(feature_names=["a", "b"]), 0),
    "learning rate": (replace(SHORT, learning_rate=0.01), MODEL, DATA, 0),
    "plateau": (replace(SHORT, plateau=Plateau(20)), MODEL, DATA, 0),
    "batches": (replace(SHORT, batch_size=10), MODEL, DATA, 0),
    "guide": (replace(SHORT, guide=AutoNormal), MODEL, DATA, 0),
    "prior": (SHORT, MultiTaskModel(LowRank(), Gaussian()), DATA, 0),
    "hyperprior": (SHORT, MultiTaskModel(Hierarchical(scale=HalfNormal(1.1)), Gaussian()), DATA, 0),
    "likelihood": (SHORT, MultiTaskModel(Hierarchical(), StudentT()), DATA, 0),
    "network": (SHORT, MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, (2,))), DATA, 0),
    "scaling": (SHORT, MultiTaskModel(Hierarchical(), Gaussian(), standardize=False), DATA, 0),
    "fixed weights": (SHORT, MultiTaskModel(Hierarchical(), Gaussian(), fixed=Normal(0.0, 2.0)), DATA, 0),
}


def other_network(seed: int) -> MultiTaskModel:
    """The same network with other numbers, which no training changes."""
    network = MLP(2, (2,))
    next(network.parameters()).data.add_(seed)
    return MultiTaskModel(Hierarchical(), Gaussian(), network=Frozen(network))


def folded(scale: float) -> MultiTaskModel:
    """A hyperprior without parameters of its own."""
    return MultiTaskModel(Hierarchical(scale=FoldedDistribution(Normal(0.0, scale))), Gaussian())


def guided(number: int) -> SVI:
    """A guide that says nothing of itself but its code and what it encloses."""
    return replace(SHORT, guide=lambda program: AutoLowRankMultivariateNormal(program, rank=number))


PAIRS = {
    "numbers of a network": ((SHORT, other_network(0)), (SHORT, other_network(1))),
    "folded hyperprior": ((SHORT, folded(1.0)), (SHORT, folded(1.5))),
    "enclosed number": ((guided(1), MODEL), (guided(2), MODEL)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_words_for_another_fit_are_refused(name: str, tmp_path: Path) -> None:
    (one, model), (other, changed) = PAIRS[name]
    path = str(tmp_path / "fit.ckpt")
    replace(one, steps=10, checkpoint=path).run(model, DATA)
    with pytest.raises(FileError, match="belongs to another fit"):
        replace(other, checkpoint=path).run(changed, DATA)
    replace(one, steps=20, checkpoint=path).run(model, DATA)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "fit.ckpt"
    replace(SHORT, steps=10, checkpoint=str(path)).run(MODEL, DATA)
    return path


@pytest.mark.parametrize("name", FOREIGN)
def test_the_checkpoint_of_another_fit_is_refused(name: str, checkpoint: Path) -> None:
    svi, model, data, seed = FOREIGN[name]
    before = checkpoint.read_bytes()
    with pytest.raises(FileError, match=r"belongs to another fit .* Delete it, or choose another path"):
        replace(svi, checkpoint=str(checkpoint)).run(model, data, seed=seed)
    assert checkpoint.read_bytes() == before
    assert [file.name for file in checkpoint.parent.iterdir()] == ["fit.ckpt"]


@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(kept: float, checkpoint: Path, tmp_path: Path) -> None:
    whole = checkpoint.read_bytes()
    path = tmp_path / "fit.ckpt"
    path.write_bytes(whole[: int(kept if kept == 7 else kept * len(whole))])
    with pytest.raises(FileError, match="may be truncated"):
        replace(SHORT, checkpoint=str(path)).run(MODEL, DATA)


def test_a_saved_posterior_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "posterior.safetensors"
    replace(SHORT, steps=2).run(MODEL, DATA).save(path)
    with pytest.raises(FileError, match="holds a 'posterior', expected a 'checkpoint'"):
        replace(SHORT, checkpoint=str(path)).run(MODEL, DATA)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Could not write"):
        replace(SHORT, checkpoint=str(tmp_path / "none" / "fit.ckpt")).run(MODEL, DATA)
