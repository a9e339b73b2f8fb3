"""Losses that are read together, as on a GPU, against losses that are read one by one."""

import math
from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Normal

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.inference._steps import Steps
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import Pooled
from bayes_mtl.testing._example_data import example_data

DATA = example_data(Gaussian(), 4, 2)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every loss comes as a tensor, as from a step that a GPU is still at."""
    plain = Steps.__call__

    def as_tensor(self: Steps, *arguments: Any) -> torch.Tensor:
        return torch.as_tensor(plain(self, *arguments))

    monkeypatch.setattr(Steps, "__call__", as_tensor)


def fit(model: MultiTaskModel, data: TaskData = DATA, **settings: Any) -> Posterior:
    svi = SVI(particles=1, draws=5, progress=False, plateau=Plateau(window=130), **settings)
    return svi.run(model, data)


def test_the_same_fit(late: None) -> None:
    model = MultiTaskModel(Pooled(), Gaussian())
    together = fit(model, steps=333)
    one_by_one = fit(model, steps=333, on_step=lambda step, loss: None)
    assert len(together.record.losses) == 333
    assert together.record.losses.tolist() == one_by_one.record.losses.tolist()
    assert torch.equal(together.draws["mean"], one_by_one.draws["mean"])


class Breaks(Pooled):
    """Broken from the call of number ``last`` on."""

    called: list[int]
    last: int

    def moments(self, dims: Any) -> Any:
        moments = super().moments(dims)
        self.called.append(0)
        broken = math.nan if len(self.called) > self.last else 0.0
        pyro.sample("fragile", Normal(moments.mean.sum() * 0.0 + broken, 1.0), obs=torch.zeros(()))
        return moments


@pytest.mark.parametrize("last", [95, 260])
def test_a_loss_that_is_no_number_is_found_late_but_at_its_step(late: None, last: int) -> None:
    prior = Breaks()
    object.__setattr__(prior, "called", [])
    object.__setattr__(prior, "last", last)
    model = MultiTaskModel(prior, Gaussian())
    with pytest.warns(UserWarning, match="site 'fragile'. Kept the last good state"):
        posterior = fit(model, steps=600)
    step = len(posterior.record.losses)
    assert posterior.record.stopped == f"loss not finite at step {step}, site 'fragile'"
    assert last - 10 < step < last  # a few calls come before the first step
    assert all(math.isfinite(loss) for loss in posterior.record.losses)


def test_an_interrupt_loses_no_loss(late: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Steps.__call__

    def stopped(self: Steps, number: int, *arguments: Any) -> torch.Tensor:
        if number == 77:
            raise KeyboardInterrupt
        found = plain(self, number, *arguments)
        assert isinstance(found, torch.Tensor)
        return found

    monkeypatch.setattr(Steps, "__call__", stopped)
    posterior = fit(MultiTaskModel(Pooled(), Gaussian()), steps=600)
    assert (posterior.record.stopped, len(posterior.record.losses)) == ("interrupted", 77)
