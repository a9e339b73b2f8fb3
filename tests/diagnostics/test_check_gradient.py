"""What is said of the gradient at the end of a training."""

from pathlib import Path

import numpy as np
import pytest

from bayes_mtl import Posterior, load
from bayes_mtl.diagnostics import check
from bayes_mtl.posterior._check_file import check_record
from tests.diagnostics.posteriors import exact


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return exact(8, draws=100).with_record(log_weights=None, losses=np.empty(0))


def titles(posterior: Posterior, signal: float, cost: float) -> list[str]:
    report = check(posterior.with_record(gradient={"signal": signal, "cost": cost}))
    assert f"signal-to-noise {signal:.2f} a step" in str(report)
    found = [f for f in report.findings if "gradient" in f.title or "noisy" in f.title]
    assert all(f.severity == "warning" and "reductions=5" in f.remedy for f in found)
    return [f.title for f in found]


def test_it_is_quiet_where_the_training_has_ended(posterior: Posterior) -> None:
    # ten hyperparameters: a sixteenth of a nat each would be noticed, and one nat at least
    assert titles(posterior, 0.3, 0.9) == []
    assert "gradient" not in str(check(posterior))


def test_signal_and_noise_are_told_apart(posterior: Posterior) -> None:
    assert titles(posterior, 1.7, 0.1) == ["The gradient had not died down (signal-to-noise 1.7)"]
    assert titles(posterior, 1.7, 4.0) == ["The last steps were noisy (4 nats)"]


def test_a_loss_that_still_falls_is_told_once(posterior: Posterior) -> None:
    falling = posterior.with_record(method="SVI", losses=np.linspace(900.0, 0.0, 600), stopped="step limit")
    assert titles(falling, 1.7, 0.1) == []
    assert check(falling).findings[0].title == "The training had not converged"


def test_it_is_kept_in_files_and_may_be_missing(posterior: Posterior, tmp_path: Path) -> None:
    measured = {"signal": 0.25, "cost": 0.5}
    posterior.with_record(gradient=measured).save(tmp_path / "posterior")
    assert load(tmp_path / "posterior").record.gradient == measured
    older = posterior.record.to_dict()
    del older["gradient"]  # a file that was written before it was measured
    assert check_record(older, 100)["gradient"] == {}
