"""The check with the data of the fit."""

from dataclasses import replace

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.diagnostics.posteriors import data, exact

MODEL = MultiTaskModel(Hierarchical(), Gaussian())


def test_a_healthy_fit_stays_healthy() -> None:
    report = check(exact(30, draws=1000), data(30))
    assert report.healthy, str(report)
    for looked in ("influence of observations: elpd", "calibration: ", "influence of tasks: elpd"):
        assert looked in str(report)


def test_an_outlier_is_named_with_its_task() -> None:
    given = data(20)
    y = given.y.copy()
    y[137] += 15.0
    far = replace(given, y=y)
    report = check(Collapsed(draws=1000).run(MODEL, far), far)
    (finding,) = [f for f in report.findings if "pull the fit" in f.title]
    assert "school 006 (observation 137)" in finding.what
    assert finding.names[0] == "school 006" and "StudentT" in finding.remedy


def test_noise_that_differs_by_task_is_found() -> None:
    given = data(20, rows=40)
    noise = np.where(given.task < 4, 4.0, 0.0)
    random = np.random.default_rng(1)
    noisy = replace(given, y=given.y + noise * random.normal(size=len(given)))
    report = check(Collapsed(draws=500).run(MODEL, noisy), noisy)
    wide = [f for f in report.findings if "too wide" in f.title or "too narrow" in f.title]
    assert wide and all("noise='task'" in f.remedy for f in wide)


def test_other_data_than_those_of_the_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="observations of the fit"):
        check(exact(5, draws=50), data(5, rows=3))
