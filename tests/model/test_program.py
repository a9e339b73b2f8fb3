"""The Pyro program against densities and predictors computed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam
from scipy import stats
from torch import nn

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl.data import Minibatches
from bayes_mtl.likelihoods import Bernoulli, Categorical, Gaussian, Mixed
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical, Independent, Pooled
from bayes_mtl.testing._site_draws import alone, draw_sites, latent, log_densities, together


def make_data(**options: object) -> TaskData:
    random = np.random.default_rng(0)
    x = random.normal(size=(18, 2)) * [2.0, 30.0] + [1.0, -5.0]
    return TaskData.from_arrays(x, 10 + 3 * random.normal(size=18), np.arange(18) % 3, **options)


def test_the_log_density_is_the_sum_of_its_parts() -> None:
    data = make_data(weight=np.linspace(0.5, 2.0, 18))
    program = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()).program(data)
    draws = draw_sites(program, program.batch(data), draws=1)
    (trace,) = alone(program, (program.batch(data),), draws)
    values = {name: value.double().numpy() for name, value in draws.one(0).items()}
    found = {name: float(value) for name, value in log_densities(trace).items()}
    assert np.isclose(found["mean"], stats.norm.logpdf(values["mean"]).sum(), rtol=1e-5)
    assert np.isclose(found["scale"], stats.halfnorm.logpdf(values["scale"]).sum(), rtol=1e-5)
    assert np.isclose(found["weights_noise"], stats.norm.logpdf(values["weights_noise"]).sum(), rtol=1e-5)
    weights = (values["mean"] + values["scale"] * values["weights_noise"])[..., 0]
    z = (data.x - data.x.mean(0)) / data.x.std(0)
    f = weights[data.task, 0] + (weights[data.task, 1:] * z).sum(1)
    shift, spread = program.scaling.shift[0, 0], program.scaling.spread[0, 0]
    density = stats.norm.logpdf(data.y, shift + spread * f, spread * values["noise_scale"])
    # float32 sums
    assert np.isclose(found["y"], (data.weight * density).sum(), rtol=1e-4)


@pytest.mark.parametrize("network", [None, MLP(2, (3,))], ids=["linear", "network"])
def test_the_loss_does_not_depend_on_how_particles_are_run(network: MLP | None) -> None:
    """What goes wrong silently where the axis of tasks is gathered in the wrong place."""
    data = make_data()
    program = MultiTaskModel(Hierarchical(), Gaussian(noise="task"), network).program(data)
    batch = program.batch(data)
    guide = AutoNormal(program, init_scale=1e-7)
    losses = []
    for particles in (1, 2, 8):
        elbo = Trace_ELBO(particles, max_plate_nesting=1, vectorize_particles=particles > 1)
        losses.append(elbo.loss(program, guide, batch))
    # the guide is a point but for its entropy, whose noise is some units of 20 dimensions
    assert np.ptp(losses) < 0.1 * abs(losses[0])


@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(), Gaussian(noise="task"), Bernoulli(), Categorical()],
    ids=lambda v: type(v).__name__,
)
def test_a_masked_observation_is_one_that_is_missing(likelihood: Gaussian) -> None:
    data = make_data()
    if not isinstance(likelihood, Gaussian):
        data = replace(data, y=np.arange(18) // 3 % (2 if isinstance(likelihood, Bernoulli) else 3) * 1.0)
    model = MultiTaskModel(Hierarchical(), likelihood)
    program = model.program(data).double()
    keep = np.arange(18) % 5 != 0
    weight = np.where(keep, 1.0, 0.0)
    masked = replace(program.batch(data, dtype=torch.float64), scale=torch.as_tensor(weight))
    dropped = program.batch(data.subset(keep), dtype=torch.float64)
    draws = draw_sites(model.program(data), model.program(data).batch(data)).to(torch.float64)
    with pyro.validation_enabled(False), torch.no_grad():
        a = log_densities(together(program, (masked,), draws), 3)
        b = log_densities(together(program, (dropped,), draws), 3)
    for name, value in a.items():
        # rounding of float64
        assert torch.allclose(value, b[name], rtol=1e-12), name


def test_missing_labels_of_a_table_of_outputs_are_dropped() -> None:
    random = np.random.default_rng(0)
    x, table = random.normal(size=(12, 2)), random.normal(size=(12, 3))
    table[random.random(size=table.shape) < 0.3] = np.nan
    wide = TaskData.from_outputs(x, table, task_names=["a", "b", "c"])
    rows, tasks = np.nonzero(~np.isnan(table))
    long = TaskData.from_arrays(
        x[rows], table[rows, tasks], np.array(["a", "b", "c"])[tasks], task_names=["a", "b", "c"]
    )
    assert len(wide) == len(long) == (~np.isnan(table)).sum()
    densities = []
    for network in (None, MLP(2, (3,))):
        model = MultiTaskModel(Hierarchical(), Gaussian(), network, standardize=False)
        for data in (wide, long):
            program = model.program(data).double()
            batch = program.batch(data, dtype=torch.float64)
            draws = draw_sites(model.program(wide), model.program(wide).batch(wide)).to(torch.float64)
            with pyro.validation_enabled(False), torch.no_grad():
                densities.append(log_densities(together(program, (batch,), draws), 3)["y"])
    # the same sums in another order
    assert torch.allclose(densities[0], densities[1], rtol=1e-12)
    assert torch.allclose(densities[2], densities[3], rtol=1e-12)


def test_minibatches_of_rows_average_to_the_whole() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(12, 3))
    table[random.random(size=table.shape) < 0.3] = np.nan
    data = TaskData.from_outputs(random.normal(size=(12, 2)), table)
    model = MultiTaskModel(Hierarchical(), Gaussian(), MLP(2, (3,)))
    draws = draw_sites(model.program(data), model.program(data).batch(data)).to(torch.float64)
    program = model.program(data).double()
    source = Minibatches(data, program.scaling, size=4, by_rows=True, dtype=torch.float64)
    with pyro.validation_enabled(False), torch.no_grad():
        full = log_densities(together(program, (program.batch(data, dtype=torch.float64),), draws), 3)["y"]
        parts = [log_densities(together(program, (source.next(),), draws), 3)["y"] for _ in range(3)]
    assert torch.allclose(torch.stack(parts).mean(0), full, rtol=1e-12)


def test_an_intercept_alone_is_a_feature() -> None:
    data = make_data(varying=[])
    program = MultiTaskModel(Pooled(), Gaussian(), standardize=False).program(data)
    weights = torch.tensor([[[2.0]], [[3.0]], [[4.0]]])
    f = program.predictor(program.batch(data), weights, torch.zeros(2, 1))
    assert torch.equal(f[:, 0], torch.tensor([2.0, 3.0, 4.0])[torch.as_tensor(data.task)])


def test_the_intercept_is_not_scaled_and_not_in_the_network() -> None:
    data = make_data()
    program = MultiTaskModel(Pooled(), Gaussian(), MLP(2, (3,)), standardize=False).program(data)
    batch = program.batch(data)
    weights = torch.zeros(3, 4, 1)
    weights[:, 0] = 5.0
    assert torch.equal(program.predictor(batch, weights, None), torch.full((18, 1), 5.0))


def test_kinds_of_tasks_share_no_weights() -> None:
    data = replace(make_data(), y=np.where(np.arange(18) // 6 == 1, 1.0, 4.5))
    likelihood = Mixed({"1": Bernoulli()}, default=Gaussian())
    program = MultiTaskModel(Hierarchical(covariance="diagonal"), likelihood).program(data)
    trace = poutine.trace(program).get_trace(program.batch(data))
    sites = {"gaussian/mean", "gaussian/scale", "gaussian/weights_noise", "gaussian/noise_scale"}
    sites |= {"bernoulli/mean", "bernoulli/scale", "bernoulli/weights_noise", "y"}
    assert {name for name, _ in latent(trace)} | {"y"} == sites
    assert trace.nodes["gaussian/weights_noise"]["value"].shape == (2, 3, 1)
    weights = poutine.condition(program.weights, data={k: trace.nodes[k]["value"] for k in sites - {"y"}})()
    mean = trace.nodes["bernoulli/mean"]["value"]
    own = mean + trace.nodes["bernoulli/scale"]["value"] * trace.nodes["bernoulli/weights_noise"]["value"][0]
    assert torch.allclose(weights[1], own)
    own = (
        trace.nodes["gaussian/mean"]["value"]
        + trace.nodes["gaussian/scale"]["value"] * (trace.nodes["gaussian/weights_noise"]["value"][1])
    )
    assert torch.allclose(weights[2], own)


def test_features_come_in_groups() -> None:
    data = make_data(groups={"x0": "school", "x1": "home"})
    dims = MultiTaskModel(Pooled(), Gaussian()).program(data).dims()
    assert dims.groups == (2, 0, 1) and dims.features == 3 and dims.weights == (3, 1)
    without = make_data(groups={"x0": "school", "x1": "home"}, intercept=False)
    assert MultiTaskModel(Pooled(), Gaussian()).program(without).dims().groups == (0, 1)
    assert MultiTaskModel(Pooled(), Gaussian(), MLP(2)).program(data).dims().groups == ()


def test_it_is_a_plain_pyro_program() -> None:
    data = make_data()
    program = MultiTaskModel(Independent(), Gaussian()).program(data)
    guide = AutoNormal(program)
    svi = SVI(program, guide, Adam({"lr": 0.05}), Trace_ELBO())
    losses = [svi.step(program.batch(data)) for _ in range(60)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    predictive = pyro.infer.Predictive(program, num_samples=4)
    assert predictive(replace(program.batch(data), y=None))["y"].shape == (4, 18)


def test_the_network_is_a_copy() -> None:
    network = MLP(2, (3,))
    program = MultiTaskModel(Pooled(), Gaussian(), network).program(make_data())
    assert program.network is not network
    names = [name for name, _ in program.named_parameters()]
    assert names == [f"network.{name}" for name, _ in network.named_parameters()]


def test_another_fits_scaling_is_taken_where_it_fits() -> None:
    data = make_data()
    scaling = MultiTaskModel(Pooled(), Gaussian()).program(data).scaling
    model = MultiTaskModel(Pooled(), Gaussian(), standardize=scaling)
    assert model.program(replace(data, y=1000.0 * data.y)).scaling is scaling
    assert "as other data" in model._repr_html_()
    other = TaskData.from_arrays(data.x[:, :1], data.y, data.task)
    with pytest.raises(InputError, match=r"scaling of 1 features, 3 tasks .* scaling of 2 features, 3 tasks"):
        model.program(other)


def test_evaluation_moves_to_other_types() -> None:
    data = make_data(task_features=np.arange(6.0).reshape(3, 2))
    program = MultiTaskModel(Pooled(), Gaussian()).program(data).double()
    assert program.task_features.dtype == torch.float64
    assert program.batch(data, dtype=torch.float64).x.dtype == torch.float64


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((Hierarchical, Gaussian()), r"prior: expected an instance .* the class Hierarchical. Call it"),
        ((Hierarchical(), Gaussian), r"likelihood: expected an instance .* Call it"),
        ((Gaussian(), Hierarchical()), "prior: expected an instance of AbstractTaskPrior"),
        ((Hierarchical(), Gaussian(), nn.Linear(2, 3).weight), "network: expected an nn.Module"),
        ((Hierarchical(), Gaussian(), nn.Tanh()), "out_features"),
    ],
)
def test_parts_of_a_wrong_kind_are_named(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(InputTypeError, match=text):
        MultiTaskModel(*arguments)  # type: ignore[arg-type]


def test_data_that_do_not_fit_are_refused() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "t": list("uuvv"), "y": list("pqpq")})
    data = TaskData.from_frame(frame, x=["a"], y="y", task="t")
    with pytest.raises(InputError, match="numbers"):
        MultiTaskModel(Hierarchical(), Gaussian()).program(data)
    with pytest.raises(InputError, match="noise"):
        MultiTaskModel(Hierarchical(), Gaussian(noise="known")).program(make_data())
