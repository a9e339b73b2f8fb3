"""SVI: guides, batches, networks, settings."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Normal, constraints
from pyro.infer.autoguide import AutoLowRankMultivariateNormal, AutoMultivariateNormal, AutoNormal
from pyro.nn import PyroModule, PyroParam

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import BayesMTLError, InputError, InputTypeError, UnsupportedError
from bayes_mtl.inference import SVI, Plateau
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed, Poisson
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical, Independent, Pooled
from tests.crossed import crossed
from tests.inference import cases

DATA = cases.rows()
KNOWN = cases.known(DATA)
QUICK = SVI(
    steps=1200, learning_rate=0.05, plateau=Plateau(window=100), draws=4000, compile=True, progress=False
)


def own_function(program: Any) -> Callable[..., None]:
    def guide(batch: Any) -> None:
        loc = pyro.param("loc", torch.zeros(3, 1))
        scale = pyro.param("scale", 0.1 * torch.ones(3, 1), constraint=constraints.positive)
        pyro.sample("mean", Normal(loc, scale).to_event(2))

    return guide


class OwnModule(PyroModule):
    """A guide as a module."""

    def __init__(self, program: Any) -> None:
        super().__init__()
        self.loc = torch.nn.Parameter(torch.zeros(3, 1))
        self.scale = PyroParam(0.1 * torch.ones(3, 1), constraint=constraints.positive)

    def forward(self, batch: Any) -> None:
        pyro.sample("mean", Normal(self.loc, self.scale).to_event(2))


FULL_RANK = {
    "default": None,
    "full": AutoMultivariateNormal,
    "low rank": partial(AutoLowRankMultivariateNormal, rank=3),
}
MEAN_FIELD = {"normal": AutoNormal, "function": own_function, "module": OwnModule}


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("name", crossed([*FULL_RANK, *MEAN_FIELD], every=2))
def test_guides_find_the_closed_form(name: str) -> None:
    inference = SVI(**{**vars(QUICK), "guide": {**FULL_RANK, **MEAN_FIELD}[name]})
    draws = inference.run(cases.pooled(), KNOWN).draws["weights"][:, 0, :, 0].double()
    mean, covariance = cases.pooled_posterior(KNOWN)
    sd = covariance.diagonal().sqrt()
    if name in MEAN_FIELD:  # its optimum has the conditional standard deviations
        sd = torch.linalg.inv(covariance).diagonal().rsqrt()
    # 4,000 draws give a mean within 0.06 sd (4 standard errors); Adam's last steps scatter by about 0.05 sd.
    assert ((draws.mean(0) - mean).abs() / sd).max() < 0.2
    # 4.5 % are 4 standard errors of the sd of 4,000 draws.
    assert (draws.std(0) / sd - 1).abs().max() < 0.1


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_mini_batches_find_the_closed_form(temperature: float) -> None:
    data = cases.known(cases.rows((2, 10, 28), seed=4))
    batches = {"batch_size": 20, "temperature": temperature, "learning_rate": 0.03}
    draws = SVI(**{**vars(QUICK), **batches}).run(cases.pooled(), data).draws["weights"][:, 0, :, 0].double()
    mean, covariance = cases.pooled_posterior(data)
    # Noise of the batches moves the means by up to 0.25 sd. Tempered batches without their factors would
    # move one by 3.7 sd; without the factor of the batch's size the sd would be 1.4 times as large.
    assert ((draws.mean(0) - mean).abs() / covariance.diagonal().sqrt()).max() < 0.6
    assert (draws.std(0) / covariance.diagonal().sqrt() - 1).abs().max() < 0.2


def test_large_data_come_in_batches_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_mtl.inference._batches_of._LARGEST_FULL_BATCH", 3 * len(DATA) - 1)
    monkeypatch.setattr("bayes_mtl.inference._batches_of._BATCH", 7)
    seen: list[int] = []

    def guide(program: Any) -> Callable[..., None]:
        def own(batch: Any) -> None:
            seen.append(batch.observations)
            own_function(program)(batch)

        return own

    SVI(guide=guide, steps=2, draws=1, progress=False).run(cases.pooled(), KNOWN)
    assert set(seen) == {7}


def test_a_network_is_trained_in_a_copy() -> None:
    network = MLP(2, (3,))
    before = deepcopy(network.state_dict())
    model = MultiTaskModel(Independent(1.0), Gaussian(), network=network)
    posterior = SVI(steps=120, batch_size=20, draws=20, progress=False).run(model, DATA)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    trained = posterior.program.network
    assert trained is not None
    assert not any(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    losses = posterior.record.losses
    assert losses[-30:].mean() < losses[:30].mean()


def test_tasks_of_several_kinds() -> None:
    random = np.random.default_rng(2)
    task = np.repeat(["a", "b", "c", "d"], 12)
    x = random.normal(size=(48, 1))
    y = np.where(np.isin(task, ["a", "b"]), random.normal(size=48), random.integers(0, 2, 48))
    y[task == "d"] = random.poisson(3.0, 12)
    likelihood = Mixed({"c": Bernoulli(), "d": Poisson()}, default=Gaussian(noise="task"))
    data = TaskData.from_arrays(x, y, task)
    posterior = SVI(steps=40, draws=60, progress=False).run(MultiTaskModel(Hierarchical(), likelihood), data)
    assert posterior.draws["weights"].shape == (60, 4, 2, 1)
    assert all(bool(torch.isfinite(value).all()) for value in posterior.draws.values())
    assert np.isfinite(posterior.record.log_weights).all()


@pytest.mark.usefixtures("captured")
def test_log_weights_are_density_over_guide() -> None:
    posterior = QUICK.run(cases.pooled(), KNOWN)
    log_weights = posterior.record.log_weights
    assert log_weights is not None
    assert log_weights.shape == (4000,)
    x, y = torch.as_tensor(KNOWN.x), torch.as_tensor(KNOWN.y)
    design = torch.cat([torch.ones_like(x[:, :1]), x], 1)
    covariance = design @ design.mT + cases.NOISE**2 * torch.eye(len(y), dtype=y.dtype)
    evidence = torch.distributions.MultivariateNormal(torch.zeros_like(y), covariance).log_prob(y)
    assert log_weights.std() < 0.3
    # The mean weight is unbiased for the evidence: 4 standard errors, and float32's rounding of the sums.
    found = np.logaddexp.reduce(log_weights) - np.log(4000)
    assert found == pytest.approx(float(evidence), abs=4 * 0.3 / np.sqrt(4000) + 1e-3)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"steps": 0}, "steps"),
    ({"particles": 0}, "particles"),
    ({"draws": 0}, "draws"),
    ({"checkpoint_every": 0}, "checkpoint_every"),
    ({"batch_size": 0}, "batch_size"),
    ({"reductions": -1}, "reductions"),
    ({"learning_rate": 0.0}, "learning_rate"),
    ({"learning_rate": float("nan")}, "learning_rate"),
    ({"temperature": 0.0}, "temperature"),
]


@pytest.mark.parametrize(("settings", "name"), BAD)
def test_bad_settings(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected .*, found .*"):
        SVI(**settings)


@pytest.mark.usefixtures("unchecked")
def test_a_guide_is_something_to_call() -> None:
    with pytest.raises(InputTypeError, match="guide: expected something to call"):
        SVI(guide="AutoNormal")


def test_parameters_that_nothing_would_train_are_refused() -> None:
    class Stray(PyroModule):
        """Declares a parameter on the fly."""

        def forward(self, batch: Any) -> None:
            loc = pyro.param("stray", torch.zeros(3, 1))
            pyro.sample("mean", Normal(loc, 1.0).to_event(2))

    with pytest.raises(UnsupportedError, match="parameter 'stray' is declared by"):
        SVI(guide=lambda program: Stray(), steps=1, progress=False).run(cases.pooled(), KNOWN)


def test_data_that_do_not_fit_the_likelihood() -> None:
    with pytest.raises(BayesMTLError):
        SVI(steps=1).run(MultiTaskModel(Pooled(), Bernoulli()), DATA)


def test_rows_are_made_once_and_the_batch_keeps_its_own() -> None:
    """A likelihood of one's own may read the features of a batch: they stay what they are elsewhere."""
    data = cases.rows()
    program = MultiTaskModel(Hierarchical(), Gaussian()).program(data)
    batches, _ = batches_of(program, data, None, 1.0, 0, torch.device("cpu"))
    whole, plain = batches.assemble(), program.batch(data)
    assert torch.equal(whole.x, plain.x) and whole.intercept == plain.intercept
    assert plain.design is None
    assert torch.equal(whole.design, program.design(plain))
    assert program.design(whole) is whole.design
    some = torch.tensor([3, 1])
    assert torch.equal(program.design(whole.select(some)), program.design(plain.select(some)))
