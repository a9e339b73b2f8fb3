"""Held-out data during a training: what they score, when they end it, which state stays."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import InputError
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import MAP, SVI, NetworkTraining, Validation
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Independent
from tests.inference import cases

TRAIN, TEST = cases.rows((12, 12, 12), seed=3).split(0.4, seed=1)
MODEL = MultiTaskModel(Independent(1.0), Gaussian(), network=MLP(2, (64, 64)))
SETTINGS: dict[str, Any] = {"progress": False, "compile": False, "learning_rate": 0.02}
WATCHED = Validation(TEST, every=10, patience=3)


def test_the_best_state_stays() -> None:
    training = SVI(steps=400, network=NetworkTraining(learning_rate=0.02), validation=WATCHED, **SETTINGS)
    stopped = MAP(training=training, progress=False).run(MODEL, TRAIN)
    scores = stopped.record.held_out.tolist()
    assert stopped.record.stopped == "held-out data"
    assert stopped.score(TEST).mean == pytest.approx(max(scores), abs=1e-5)  # float32
    assert len(scores) - 1 - scores.index(max(scores)) == 3
    assert len(stopped.record.losses) == 10 * len(scores)
    assert [found.title for found in check(stopped).findings] == ["A single point, without any uncertainty"]
    # Without the data the training goes on, and learns by heart.
    on = MAP(training=SVI(steps=250, **SETTINGS), progress=False).run(MODEL, TRAIN)
    assert on.score(TEST).mean < stopped.score(TEST).mean - 0.05


def test_the_training_is_the_same_as_without() -> None:
    plain = SVI(steps=25, draws=5, **SETTINGS).run(MODEL, TRAIN)
    watched = SVI(steps=25, draws=5, validation=WATCHED, **SETTINGS).run(MODEL, TRAIN)
    np.testing.assert_array_equal(watched.record.losses, plain.record.losses)


def test_the_score_is_that_of_the_posterior() -> None:
    settings = Validation(TEST, every=30, draws=2000)
    posterior = SVI(steps=30, draws=2000, validation=settings, **SETTINGS).run(MODEL, TRAIN)
    (best,) = posterior.record.held_out
    # Two sets of 2,000 draws; the log of a mean of densities whose spread over draws is about 1 nat.
    assert posterior.score(TEST).mean == pytest.approx(best, abs=4 * math.sqrt(2 / 2000))


def test_a_checkpoint_goes_on_exactly(tmp_path: Path) -> None:
    settings = {**SETTINGS, "validation": WATCHED, "draws": 3}
    straight = SVI(steps=60, **settings).run(MODEL, TRAIN)
    path = str(tmp_path / "fit")
    SVI(steps=35, checkpoint=path, **settings).run(MODEL, TRAIN)
    resumed = SVI(steps=60, checkpoint=path, **settings).run(MODEL, TRAIN)
    assert np.array_equal(resumed.record.held_out, straight.record.held_out)
    assert torch.equal(resumed.draws["weights"], straight.draws["weights"])


class Dropping(torch.nn.Module):
    """A network with dropout, which counts in which mode it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.drop, self.out_features = MLP(2, (8,)), torch.nn.Dropout(0.5), 8
        self.register_buffer("calls", torch.zeros(2))

    def forward(self, x: torch.Tensor, row: Any, task: Any) -> torch.Tensor:
        self.calls[int(self.training)] += 1
        return self.drop(self.inner(x, row, task))


def test_dropout_in_training_and_none_in_evaluations() -> None:
    model = MultiTaskModel(Independent(1.0), Gaussian(), network=Dropping().eval())
    program = SVI(steps=20, draws=1, validation=WATCHED, **SETTINGS).run(model, TRAIN).program
    assert program.network is not None
    assert not program.network.drop.training
    evaluated, trained = program.network.calls.tolist()  # type: ignore[operator,union-attr]
    assert trained >= 20
    assert evaluated >= 2


@pytest.mark.parametrize("name", ["every", "patience", "draws"])
def test_bad_settings(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected at least 1"):
        Validation(TEST, **{name: 0})
