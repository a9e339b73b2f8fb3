"""The adapter under both generations of ArviZ."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import norm, rankdata

from bayes_mtl import _arviz
from tests import arviz_probe
from tests.arviz_1 import cached, has_arviz_1

ROOT = Path(__file__).resolve().parent.parent
ADAPTER = ROOT / "bayes_mtl" / "_arviz.py"


@pytest.fixture(scope="session")
def arviz_1() -> str:
    """A Python with ArviZ 1.x: BAYES_MTL_ARVIZ1_PYTHON, this one, the cached one, or a new one."""
    named = os.environ.get("BAYES_MTL_ARVIZ1_PYTHON")
    if named:
        assert has_arviz_1(named), f"BAYES_MTL_ARVIZ1_PYTHON={named} is no Python >= 3.12 with ArviZ >= 1"
        return named
    if _arviz.generation() >= 1:
        return sys.executable
    made, reason = cached()
    if made is None:
        pytest.skip(f"no Python >= 3.12 with ArviZ >= 1 ({reason}); BAYES_MTL_ARVIZ1_PYTHON names one")
    return made


@pytest.fixture(scope="session", params=["installed", "1.x"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the adapter makes of the fixed inputs."""
    if request.param == "installed":
        return json.loads(json.dumps(arviz_probe.probe(_arviz)))
    command = [request.getfixturevalue("arviz_1"), arviz_probe.__file__, ADAPTER]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    answer: dict[str, Any] = json.loads(result.stdout)
    assert answer["generation"] >= 1
    return answer


def test_exports_keep_values_names_and_attributes(found: dict[str, Any]) -> None:
    export = found["export"]
    assert export["sites"] == {"weights": ["chain", "draw", "task"], "sd": ["chain", "draw"]}
    assert export["tasks"] == arviz_probe.TASKS
    assert export["task_b"] == np.arange(30.0).reshape(2, 5, 3)[..., 1].tolist()
    assert export["log_likelihood"] == ["chain", "draw", "observation"]
    assert (export["observed"], export["observed_dims"]) == (2.5, ["observation"])
    assert export["seeds"] == ["7", "7", "7"]


def test_arviz_takes_exports_directly(found: dict[str, Any]) -> None:
    direct = found["direct"]
    y = np.random.default_rng(5).normal(size=arviz_probe.OBSERVATIONS)
    n = len(y)
    others = (y.sum() - y) / (n - 1)
    exact = norm(others, np.sqrt(1 + 1 / (n - 1))).logpdf(y).sum()
    # A log density's sd over draws is about |y - mean| / sqrt(n) < 0.6 for the outermost. Over the root of
    # 4,000 draws, summed over observations that share them, that is less than 0.03; 3 of these.
    assert direct["elpd"] == pytest.approx(exact, abs=0.1)
    assert (direct["best"], direct["drawn"]) == ("exact", 6)


def reference_r_hat(chains: np.ndarray) -> float:
    """Rank-normalised split R-hat as Vehtari et al. (2021) write it, of location and of spread."""
    half = chains.shape[1] // 2
    split = np.concatenate([chains[:, :half], chains[:, half:]])
    found = []
    for values in (split, np.abs(split - np.median(split))):
        z = ndtri((rankdata(values).reshape(values.shape) - 0.375) / (values.size + 0.25))
        within, between = z.var(1, ddof=1).mean(), half * z.mean(1).var(ddof=1)
        found.append(np.sqrt(((half - 1) / half * within + between / half) / within))
    return float(max(found))


def test_r_hat_is_the_published_one(found: dict[str, Any]) -> None:
    chains = arviz_probe.chains()
    expected = [
        [reference_r_hat(chains[:, :, i, j]) for j in range(len(arviz_probe.AR))]
        for i in range(len(arviz_probe.SHIFTS))
    ]
    assert np.asarray(found["chains"]["r_hat"]) == pytest.approx(np.asarray(expected), abs=1e-9)


@pytest.mark.parametrize("kind", ["ess_bulk", "ess_tail"])
def test_effective_sample_size_of_autoregressive_chains(found: dict[str, Any], kind: str) -> None:
    total = arviz_probe.CHAINS * arviz_probe.DRAWS
    phi = np.array(arviz_probe.AR)
    sizes = np.asarray(found["chains"][kind])[0]
    if kind == "ess_bulk":
        # Closed form for the mean of AR(1). The estimate's relative error is about sqrt(2 t / n) for an
        # autocorrelation time t of at most 19 and n = 8,000 draws, 7 %; 4 of these.
        assert sizes == pytest.approx(total * (1 - phi) / (1 + phi), rel=0.28)
    else:
        # Tails of independent draws are independent; they are less correlated than the bulk otherwise.
        assert sizes[0] == pytest.approx(total, rel=0.2)
        assert (sizes[1:] > 0.8 * total * ((1 - phi) / (1 + phi))[1:]).all()


def test_what_cannot_be_told_is_not_a_number(found: dict[str, Any]) -> None:
    odd = found["odd_chains"]
    for case in ("constant", "nan", "three_draws"):
        assert all(np.isnan(odd[case][name]).all() for name in ("r_hat", "ess_bulk", "ess_tail"))
    assert np.isnan(odd["one_chain"]["r_hat"]).all()
    # 4 times the relative error sqrt(2 / 500) of the effective size of 500 independent draws
    assert odd["one_chain"]["ess_bulk"][0] == pytest.approx(500, rel=0.25)
    assert odd["stuck"]["r_hat"][0] > 1e6
    assert odd["stuck"]["ess_bulk"][0] < 10
