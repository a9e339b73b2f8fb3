"""What a network adds to the objective: how often it counts, and when."""

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl.data import Batch, Minibatches
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Bernoulli, Gaussian, Mixed
from bayes_mtl.networks import MLP, AbstractObjectiveNetwork, AbstractRandomNetwork, TrainingFeatures
from bayes_mtl.priors import Hierarchical
from bayes_mtl.testing import check_model


class Penalised(AbstractObjectiveNetwork):
    """A term of each observation, and one of the whole model."""

    def __init__(self, each: float, whole: float) -> None:
        super().__init__()
        self.inner = MLP(2, (3,))
        self.out_features, self.each, self.whole = 3, each, whole

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return self.inner(x, row, task)

    def objective(self, batch: Batch) -> TrainingFeatures:
        if self.whole:
            pyro.factor("network.whole", torch.tensor(self.whole, dtype=batch.x.dtype))
        each = self.each * torch.arange(1.0, batch.observations + 1, dtype=batch.x.dtype)
        terms = (lambda _: each) if self.each else None
        return TrainingFeatures(self(batch.x, batch.row, batch.task), terms)


class RandomShift(AbstractRandomNetwork):
    """A latent shift of all features."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = MLP(2, (3,))
        self.out_features = 3

    def latents(self) -> dict[str, Tensor]:
        zero = torch.zeros(3, dtype=self.inner.layers[0].weight.dtype)
        return {"shift": pyro.sample("network.shift", pyro.distributions.Normal(zero, 1.0).to_event(1))}

    def start(self) -> dict[str, Tensor]:
        return {"network.shift": torch.tensor([0.5, -0.5, 0.0])}

    def forward(self, x: Tensor, row: Tensor | None, task: Tensor) -> Tensor:
        return self.inner(x, row, task) + self.latents()["shift"]


def make_data(rows: int = 12) -> TaskData:
    random = np.random.default_rng(0)
    return TaskData.from_arrays(
        random.normal(size=(rows, 2)),
        random.normal(size=rows),
        np.arange(rows) % 3,
        weight=np.linspace(0.5, 2.0, rows),
    )


def loss(network: torch.nn.Module | None, particles: int = 1) -> float:
    data = make_data()
    program = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network).program(data).double()
    batch = program.batch(data, dtype=torch.float64)
    with torch.random.fork_rng(), pyro.validation_enabled(False):
        guide = pyro.infer.autoguide.AutoDelta(program)
        torch.manual_seed(0)
        elbo = Trace_ELBO(particles, max_plate_nesting=1, vectorize_particles=particles > 1)
        return elbo.loss(program, guide, batch)


@pytest.mark.parametrize("particles", [1, 3])
def test_terms_count_once_for_each_observation_and_once_in_all(particles: int) -> None:
    each, whole = 0.25, 10.0
    plain = loss(Penalised(0.0, 0.0), particles=particles)
    terms = each * (make_data().weight * np.arange(1, 13)).sum()
    # sums of the same float64 numbers in another order
    assert np.isclose(plain - loss(Penalised(each, 0.0), particles=particles), terms, rtol=1e-9)
    assert np.isclose(plain - loss(Penalised(0.0, whole), particles=particles), whole, rtol=1e-9)


def test_minibatches_average_to_the_terms_of_all_observations() -> None:
    data = make_data()
    network = Penalised(0.25, 10.0)
    program = MultiTaskModel(Hierarchical(), Gaussian(), network).program(data).double()
    source = Minibatches(data, program.scaling, size=4, dtype=torch.float64)
    totals, whole = [], []
    for _ in range(3):
        batch = source.next()
        trace = poutine.trace(program).get_trace(batch)
        trace.compute_log_prob()
        totals.append(float(trace.nodes["network.terms"]["log_prob_sum"]))
        whole.append(float(trace.nodes["network.whole"]["log_prob_sum"]))
        places = torch.arange(1.0, 5.0, dtype=torch.float64)
        assert np.isclose(totals[-1], float((batch.scale * 0.25 * places).sum()), rtol=1e-9)
    assert whole == [10.0] * 3


def test_evaluation_and_models_without_such_a_network_have_no_terms() -> None:
    data = make_data()
    for network, training in ((MLP(2, (3,)), True), (Penalised(1.0, 1.0), False), (None, True)):
        program = MultiTaskModel(Hierarchical(), Gaussian(), network).program(data).train(training)
        nodes = poutine.trace(program).get_trace(program.batch(data)).nodes
        sites = {name for name, site in nodes.items() if site["type"] == "sample"}
        assert not {name for name in sites if name.startswith("network")}
    # the same network without terms has the same loss as the layers inside of it
    assert loss(Penalised(0.0, 0.0)) == loss(MLP(2, (3,)))


def test_a_model_keeps_its_contract_with_terms_and_with_latents() -> None:
    random = np.random.default_rng(1)
    y = random.normal(size=12)
    y[::2] = y[::2] > 0
    data = TaskData.from_arrays(random.normal(size=(12, 2)), y, np.arange(12) % 2)
    likelihood = Mixed({"0": Bernoulli(), "1": Gaussian()})
    for network in (Penalised(1.0, 1.0), RandomShift()):
        check_model(MultiTaskModel(Hierarchical(), likelihood, network), data)


def test_latents_of_a_network_are_learned_kept_and_used() -> None:
    data = make_data(60)
    svi = SVI(steps=30, draws=20, progress=False, compile=False)
    posterior = svi.run(MultiTaskModel(Hierarchical(), Gaussian(), RandomShift()), data)
    assert posterior.draws["network.shift"].shape == (20, 1, 3)
    found = posterior.predict(data, kind="mean", keep_draws=True).draws
    program, draw = posterior.program, 7
    with torch.no_grad():
        features = program.network.inner(program.batch(data).x) + posterior.draws["network.shift"][draw]
        own = posterior.draws["weights"][draw][torch.as_tensor(data.task)]
        f = own[:, 0, 0] + (features * own[:, 1:, 0]).sum(1)
    expected = f * program.scaling.spread[0, 0] + program.scaling.shift[0, 0]
    # float32
    assert np.allclose(found[draw], expected, atol=1e-5)
