"""Simulation-based calibration of inferences that are right, too sure, or off."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from pyro.distributions import HalfNormal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl._errors import InputError, NumericalError, UnsupportedError
from bayes_mtl.diagnostics import SimulationBasedCalibration, sbc
from bayes_mtl.inference import AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian, Poisson
from bayes_mtl.networks import MLP
from bayes_mtl.plots import plot_sbc
from bayes_mtl.priors import GumbelSoftmax, Independent, TaskClustering

RANDOM = np.random.default_rng(0)
DATA = TaskData.from_arrays(
    RANDOM.normal(size=(12, 1)), np.zeros(12), np.repeat(["a", "b", "c"], 4), noise=np.full(12, 0.7)
)
MODEL = MultiTaskModel(Independent(), Gaussian(noise="known"))  # its posterior has a closed form
SIMULATIONS = 40


@dataclass(frozen=True)
class Bent(AbstractInference):
    """Exact draws, pulled to their mean by ``sd`` and moved by ``shift`` standard deviations."""

    sd: float = 1.0
    shift: float = 0.0
    fails: bool = False

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        if self.fails and seed % 3 == 0:
            raise NumericalError("out of range")
        exact = Collapsed(draws=99).run(model, data, seed=seed)
        weights = exact.draws["weights"]
        mean, sd = weights.mean(0), weights.std(0)
        return Posterior(
            exact.program, {"weights": mean + self.sd * (weights - mean) + self.shift * sd}, exact.record
        )


@pytest.fixture(scope="module")
def exact() -> SimulationBasedCalibration:
    return sbc(MODEL, DATA, Bent(), simulations=SIMULATIONS)


def test_an_exact_posterior_passes(exact: SimulationBasedCalibration) -> None:
    # by chance it fails for one seed in twenty
    assert exact.calibrated, exact.to_frame()
    assert exact.ranks.shape == (SIMULATIONS, 7) and exact.draws == 99
    assert exact.names[0] == "weights[a, Intercept]" and exact.names[-1] == "log likelihood"
    assert (exact.to_frame()["verdict"] == "uniform").all()
    assert "40 simulations, 7 quantities: uniform" in repr(exact)


@pytest.mark.parametrize(
    ("bent", "verdict"),
    [
        (Bent(sd=0.4), "too narrow"),
        (Bent(sd=2.5), "too wide"),
        (Bent(shift=0.8), "too high"),
        (Bent(shift=-0.8), "too low"),
    ],
)
def test_a_wrong_posterior_fails(bent: Bent, verdict: str) -> None:
    found = sbc(MODEL, DATA, bent, simulations=30)
    assert not found.calibrated
    table = found.to_frame().drop("log likelihood")
    assert (table["verdict"] == verdict).sum() >= 3, table
    assert f"miscalibrated: {table.index[0]}" in repr(found) or "log likelihood" in repr(found)
    # variational calibration asks for the centres alone
    assert (table["symmetric"] < 0.001).any() == (verdict in ("too high", "too low"))


def test_the_same_seed_gives_the_same_ranks(exact: SimulationBasedCalibration) -> None:
    state = torch.get_rng_state()
    again = sbc(MODEL, DATA, Bent(), simulations=2)
    assert np.array_equal(again.ranks.shape, (2, 7))
    assert np.array_equal(again.ranks, sbc(MODEL, DATA, Bent(), simulations=2).ranks)
    assert torch.equal(torch.get_rng_state(), state)


def test_counts_and_quantities_of_your_own() -> None:
    def largest(posterior: Posterior) -> dict[str, np.ndarray]:
        return {
            "largest": posterior.draws["weights"].amax((1, 2, 3)).numpy(),
            "one": np.ones(posterior.number),
        }

    seen = []
    found = sbc(
        MODEL, DATA, Bent(), simulations=3, draws=9, quantities=largest,
        on_fit=lambda i, posterior, data: seen.append((i, posterior.number, len(data.y))),
    )  # fmt: skip
    assert found.names == ("largest", "log likelihood")  # what does not vary is no quantity
    assert found.ranks.max() <= 9 and seen == [(0, 99, 12), (1, 99, 12), (2, 99, 12)]


def test_entries_without_a_meaning_of_their_own_are_left_out() -> None:
    model = MultiTaskModel(TaskClustering(2, covariance="diagonal"), Gaussian(noise="known"))
    found = sbc(model, DATA, Collapsed(draws=20), simulations=2, draws=19)
    assert not any("cluster" in name or "assignment" in name for name in found.names)
    assert any(name.startswith("weights[") for name in found.names)


def test_fits_that_fail_are_told_of() -> None:
    found = sbc(MODEL, DATA, Bent(fails=True), simulations=6)
    assert len(found.ranks) == 4 and sorted(found.failed) == [2, 5]
    assert "2 fits failed" in repr(found) and "NumericalError" in found.failed[2]


def test_what_cannot_be_simulated_is_refused() -> None:
    gaussian = Gaussian(noise="known")
    with pytest.raises(UnsupportedError, match="no fixed joint distribution"):
        sbc(MultiTaskModel(GumbelSoftmax(), gaussian), DATA)
    with pytest.raises(UnsupportedError, match="network"):
        sbc(MultiTaskModel(Independent(), gaussian, network=MLP(1, [2])), DATA)
    weighted = TaskData.from_arrays(DATA.x, DATA.y, DATA.task, weight=np.full(12, 2.0))
    with pytest.raises(UnsupportedError, match="weight"):
        sbc(MultiTaskModel(Independent(), Poisson()), weighted)
    with pytest.raises(InputError, match="simulations"):
        sbc(MODEL, DATA, simulations=1)
    with pytest.raises(InputError, match="at most the fit's 99"):
        sbc(MODEL, DATA, Bent(), simulations=2, draws=100)
    with pytest.raises(InputError, match="ranks"):
        SimulationBasedCalibration(np.array([[5]]), ("a",), 4)


def test_hyperparameters_at_their_mode_are_too_sure() -> None:
    from bayes_mtl.inference import MAP

    model = MultiTaskModel(Independent(HalfNormal(1.0)), Gaussian(noise="known"))
    found = sbc(model, DATA, Collapsed(MAP(laplace=0), draws=99), simulations=20)
    # every rank of the scale is 0 or the largest
    assert found.to_frame()["p"]["scale"] < 1e-3
    assert set(found.ranks[:, found.names.index("scale")]) <= {0, 99}


@pytest.mark.parametrize("quantity", [None, "weights[b, x0]"])
def test_the_plot(exact: SimulationBasedCalibration, quantity: str | None) -> None:
    figure = plot_sbc(exact, quantity)
    (axes,) = figure.axes
    assert isinstance(axes, Axes)
    if quantity is None:
        assert len(axes.lines) == 1 + len(exact.names)
    else:
        assert sum(bar.get_height() for bar in axes.patches) == SIMULATIONS
    with pytest.raises(InputError, match="quantity"):
        plot_sbc(exact, "none of them")
