"""A prior of the user's own that brings state and guide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Normal
from torch import Tensor, nn

from bayes_mtl import MultiTaskModel, load
from bayes_mtl._errors import UnsupportedError
from bayes_mtl._shapes import Dims
from bayes_mtl.inference import MAP, NUTS, SVI, Collapsed, Plateau
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import AbstractTaskPrior
from tests.inference import cases

SHORT = SVI(steps=40, draws=400, progress=False, plateau=Plateau(20, errors=1e6), checkpoint_every=10)


class Place(nn.Module):
    """Where the tasks were after the previous step, and how many steps there were."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(dims.weights))
        self.register_buffer("steps", torch.zeros(()))
        self.width = nn.Parameter(torch.zeros(()))


class Guide(nn.Module):
    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self._dims = (dims,)
        self.loc = nn.Parameter(torch.zeros(dims.tasks, *dims.weights))

    def forward(self, batch: Any) -> None:
        with self._dims[0].plate():
            pyro.sample("weights", Normal(self.loc, 0.1).to_event(2))

    def after_step(self) -> None:
        place = self._dims[0].state
        assert isinstance(place, Place)
        with torch.no_grad():
            place.center.copy_(self.loc.mean(0))
            place.steps.add_(1.0)


@dataclass(frozen=True)
class Moving(AbstractTaskPrior):
    """Around the average task of the previous step, with a trained width."""

    only_svi = "its centre follows the guide"

    def state(self, dims: Dims) -> Place:
        return Place(dims)

    def guide(self, dims: Dims, values: Mapping[str, Tensor], design: Callable[..., Tensor]) -> Guide:
        return Guide(dims)

    def weights(self, dims: Dims) -> Tensor:
        place = dims.state
        assert isinstance(place, Place)
        with dims.plate():
            return pyro.sample("weights", Normal(place.center, place.width.exp()).to_event(2))


MODEL = MultiTaskModel(Moving(), Gaussian())
DATA = cases.rows()


def test_the_state_follows_the_guide_and_its_parameters_are_trained() -> None:
    posterior = SHORT.run(MODEL, DATA)
    (place,) = posterior.program.states
    assert float(place.steps) == 40 and float(place.width.detach()) != 0
    mean = posterior.draws["weights"].mean((0, 1))
    # 5 Monte-Carlo standard errors of 400 draws of 5 tasks with a standard deviation of 0.1
    assert (mean - place.center).abs().max() < 5 * 0.1 / (400 * 5) ** 0.5
    assert set(posterior.draws) == {"weights", "noise_scale"}  # the rest has the default guide


def test_compiled_steps_refresh_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The captured graph as it is: a compiler takes half a minute to the same end."""
    compiler = "bayes_mtl.inference._compiled_step.compile_graph"
    monkeypatch.setattr(compiler, lambda graph, inputs: graph)
    plain = replace(SHORT, steps=8).run(MODEL, DATA)
    captured = replace(SHORT, steps=8, compile=True).run(MODEL, DATA)
    for name, value in plain.program.states.state_dict().items():
        # float32 sums in another order
        assert torch.allclose(value, captured.program.states.state_dict()[name], atol=1e-4)


def test_a_fit_that_was_cut_off_goes_on_exactly(tmp_path: Path) -> None:
    def stop(step: int, loss: float) -> None:
        if step == 25:
            raise KeyboardInterrupt

    path = str(tmp_path / "fit")
    replace(SHORT, checkpoint=path, on_step=stop).run(MODEL, DATA)
    resumed, whole = replace(SHORT, checkpoint=path).run(MODEL, DATA), SHORT.run(MODEL, DATA)
    assert resumed.record.losses.tolist() == whole.record.losses.tolist()
    states = resumed.program.states.state_dict(), whole.program.states.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert torch.equal(resumed.draws["weights"], whole.draws["weights"])


def test_a_file_holds_it(tmp_path: Path) -> None:
    posterior = SHORT.run(MODEL, DATA)
    path = posterior.save(tmp_path / "fit")
    found = load(path, MODEL)
    assert torch.equal(found.program.states[0].center, posterior.program.states[0].center)
    assert torch.equal(load(path).draws["weights"], posterior.draws["weights"])


@pytest.mark.parametrize("inference", [NUTS(progress=False), MAP(), Collapsed(), SVI(guide=Guide)], ids=repr)
def test_other_inferences_say_why_they_do_not_fit(inference: Any) -> None:
    with pytest.raises(UnsupportedError, match="its centre follows the guide"):
        inference.run(MODEL, DATA)
