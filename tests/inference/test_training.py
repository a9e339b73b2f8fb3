"""The loop: what is called, what ends it, and what it leaves behind."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Normal

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import NumericalError
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical, Pooled
from tests.inference import cases

DATA = cases.rows()
KNOWN = cases.known(DATA)
MODEL = MultiTaskModel(Hierarchical(), Gaussian())


def test_on_step_sees_every_step_and_its_loss() -> None:
    seen: list[tuple[int, float]] = []
    svi = SVI(steps=5, draws=1, progress=False, on_step=lambda step, loss: seen.append((step, loss)))
    record = svi.run(MODEL, DATA).record
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    assert [loss for _, loss in seen] == list(record.losses)
    assert record.stopped == "step limit"


def test_stops_at_the_plateau_after_all_reductions() -> None:
    svi = SVI(
        steps=2000, draws=1, progress=False, learning_rate=0.1, reductions=2, plateau=Plateau(20, errors=1e6)
    )
    record = svi.run(cases.pooled(), KNOWN).record
    # With such errors every two windows are a plateau: at 40, 80, and the last at 120.
    assert (record.stopped, len(record.losses)) == ("plateau", 120)


def test_a_learning_rate_that_falls_makes_smaller_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def spying(self: torch.optim.Adam, *args: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", spying)
    svi = SVI(steps=100, draws=1, progress=False, learning_rate=0.09, plateau=Plateau(20, errors=1e6))
    svi.run(cases.pooled(), KNOWN)
    assert rates == pytest.approx([0.09] * 40 + [0.03] * 40 + [0.01] * 20)


def test_ctrl_c_keeps_what_was_learned() -> None:
    def stop(step: int, loss: float) -> None:
        if step == 30:
            raise KeyboardInterrupt

    posterior = SVI(draws=50, progress=False, on_step=stop).run(MODEL, DATA)
    assert posterior.record.stopped == "interrupted"
    assert len(posterior.record.losses) == 31
    assert np.isfinite(posterior.predict(DATA).mean).all()


def test_ctrl_c_before_anything_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_mtl.inference._elbo.Trace_ELBO.differentiable_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SVI(progress=False).run(MODEL, DATA)


@dataclass(frozen=True)
class Breaks(Pooled):
    """A prior whose density is not a number from some call on."""

    calls: Callable[[], int] = lambda: 0
    last_good: int = 0

    def moments(self, dims: Any) -> Any:
        moments = super().moments(dims)
        broken = math.nan if self.calls() >= self.last_good else 0.0
        pyro.sample("fragile", Normal(moments.mean.sum() * 0.0 + broken, 1.0), obs=torch.zeros(()))
        return moments


def test_a_loss_that_is_no_number_at_first_names_the_site() -> None:
    model = MultiTaskModel(Breaks(calls=lambda: 1), Gaussian(noise="known"))
    with pytest.raises(NumericalError, match=r"loss is nan at the first step, from the site 'fragile'"):
        SVI(progress=False, particles=1).run(model, KNOWN)


def test_a_loss_that_is_no_number_later_restores_the_last_good_state() -> None:
    done: list[int] = []
    states: list[torch.Tensor] = []

    class Spy(torch.nn.Module):
        """A point, copied at every step."""

        def __init__(self) -> None:
            super().__init__()
            self.loc = torch.nn.Parameter(torch.zeros(3, 1))

        def forward(self, batch: Any) -> None:
            states.append(self.loc.detach().clone())
            pyro.sample("mean", Normal(self.loc, 1e-6).to_event(2))

    model = MultiTaskModel(Breaks(calls=lambda: len(done), last_good=50), Gaussian(noise="known"))
    svi = SVI(
        guide=lambda program: Spy(), draws=3, progress=False, particles=1, plateau=Plateau(window=20),
        on_step=lambda step, loss: done.append(step),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="SVI stopped: loss not finite at step 50, site 'fragile'"):
        posterior = svi.run(model, KNOWN)
    assert posterior.record.stopped == "loss not finite at step 50, site 'fragile'"
    assert len(posterior.record.losses) == 50
    # Saved at steps 0, 20 and 40; one call comes before step 0. Draws scatter by 1e-6.
    torch.testing.assert_close(posterior.draws["mean"][0, 0], states[41], atol=1e-5, rtol=0)
    assert not torch.allclose(states[41], states[40], atol=1e-5)


class Grumbling(torch.nn.Module):
    """Warns at every call."""

    out_features = 2

    def forward(self, x: torch.Tensor, row: Any, task: Any) -> torch.Tensor:
        warnings.warn("of the network", UserWarning, stacklevel=1)
        return x


def test_a_warning_of_the_network_does_not_come_at_every_step() -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian(), network=Grumbling())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")  # once a place in the code, as long as nobody changes the filters
        SVI(steps=40, draws=1, progress=False).run(model, DATA)
    assert 1 <= len(caught) < 10


def test_no_bar_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    SVI(steps=3, draws=1, progress=False).run(MODEL, DATA)
    assert capfd.readouterr() == ("", "")
    SVI(steps=3, draws=1, progress=True).run(MODEL, DATA)
    assert "SVI" in capfd.readouterr().err
