"""The ladder of approximations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.inference import NUTS, SVI, Escalation
from bayes_mtl.inference import _escalation as module
from bayes_mtl.inference._escalation import k_hat
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import GumbelSoftmax
from tests.inference.test_importance_resample import DATA, MODEL, closed_form

SHORT = SVI(steps=300, learning_rate=0.05, progress=False, draws=1000, compile=False)
CHAINS = NUTS(draws=50, warmup=50, chains=2, progress=False, compile=False)


def test_it_stops_at_the_first_that_is_close_and_corrects_it() -> None:
    # Correlations of 0.5 and 0.6: independent Gaussians miss them, blocks by task do not.
    found = Escalation(SHORT, CHAINS, largest_k=0.45).run(MODEL, DATA)
    tried = found.record.settings["tried"]
    assert tried.startswith("mean field (k-hat") and tried.count("then") == 1 and "task blocks" in tried
    assert found.record.log_weights is None and "resampled" in found.record.settings
    exact = closed_form()
    weights = found.draws["weights"].squeeze(-1).double()
    # 4 standard errors of 1,000 draws
    assert ((weights.mean(0) - exact.mean) / exact.stddev).abs().max() < 4 / np.sqrt(1000)
    assert (weights.std(0) / exact.stddev - 1).abs().max() < 4 / np.sqrt(2000) + 0.02


def test_chains_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([2.0, 0.9, np.inf, 0.71, 1.2, None])
    monkeypatch.setattr(module, "k_hat", lambda posterior: next(found))
    posterior = Escalation(replace(SHORT, steps=5, draws=100), CHAINS).run(MODEL, DATA)
    # the weights are integrated out, and no chains of them follow
    assert posterior.record.settings["tried"].split(", then ") == [
        "mean field (k-hat 2.00)",
        "task blocks (k-hat 0.90)",
        "low rank (k-hat inf)",
        "full rank (k-hat 0.71)",
        "collapsed points (k-hat 1.20)",
        "collapsed chains",
    ]
    assert posterior.record.method == "Collapsed(NUTS)"


def test_a_full_covariance_that_is_too_large_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_FULL_RANK", 3)  # four weights
    with pytest.raises(UnsupportedError, match="more than 3 unknowns"):
        Escalation(SHORT, CHAINS, first="full rank", last="full rank").run(MODEL, DATA)


def test_where_none_is_close_the_last_one_comes_back() -> None:
    found = Escalation(SHORT, CHAINS, last="mean field", largest_k=1e-6).run(MODEL, DATA)
    assert found.record.log_weights is not None and (k_hat(found) or 0) > 1e-6


def test_each_rung_has_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "v1.2" / "fit.checkpoint"
    path.parent.mkdir()
    svi = replace(SHORT, steps=20, draws=100, checkpoint=str(path))
    climb = Escalation(svi, CHAINS, last="task blocks", largest_k=1e-6)
    found = climb.run(MODEL, DATA)
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["fit.mean_field.checkpoint", "fit.task_blocks.checkpoint"]
    assert torch.equal(climb.run(MODEL, DATA).draws["weights"], found.draws["weights"])


def test_settings_are_checked() -> None:
    for wrong in ({"first": "nothing"}, {"first": "chains", "last": "low rank"}, {"largest_k": 0.9}):
        with pytest.raises(InputError, match=r"first|last|largest_k"):
            Escalation(**wrong)
    model = MultiTaskModel(GumbelSoftmax(), Gaussian(noise="known"))
    with pytest.raises(UnsupportedError, match="Escalation does not fit GumbelSoftmax"):
        Escalation().run(model, DATA)
