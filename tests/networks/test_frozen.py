"""A network that stays as it is, and the inferences it opens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pyro.distributions import Normal

from bayes_mtl import MultiTaskModel, TaskData, fit, load
from bayes_mtl._errors import InputTypeError
from bayes_mtl.inference import MAP, SVI, NetworkTraining
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.networks import MLP, Frozen
from bayes_mtl.priors import Hierarchical, Pooled
from tests.inference import cases

DATA = cases.rows((15, 20, 25))
KNOWN = cases.known(DATA)


def test_it_never_trains() -> None:
    network = MLP(2, (4, 3))
    frozen = Frozen(network).train()
    assert not any(part.training for part in frozen.modules())
    assert not any(value.requires_grad for value in frozen.parameters())
    assert all(value.requires_grad for value in network.parameters())
    model = MultiTaskModel(Pooled(), Gaussian(), network=frozen)
    trained = SVI(steps=5, draws=1, progress=False).run(model, DATA).program.network
    assert trained is not None
    for name, value in network.named_parameters():
        assert torch.equal(trained.get_parameter(f"network.{name}"), value)


def test_collapsed_is_exact_on_its_features() -> None:
    network = MLP(2, (4, 3), seed=2)
    model = MultiTaskModel(
        Pooled(Normal(0.0, 1.0)), Gaussian(noise="known"), network=Frozen(network), standardize=False
    )
    posterior = fit(model, KNOWN)
    assert posterior.record.method.startswith("Collapsed")
    draws = posterior.draws["weights"][:, 0, :, 0].double()
    with torch.no_grad():
        features = network(torch.as_tensor(KNOWN.x).float()).double()
    mean, covariance = cases.ridge_posterior(features, torch.as_tensor(KNOWN.y), 1.0)
    # 1,000 draws: 4 standard errors
    assert ((draws.mean(0) - mean).abs() / covariance.diagonal().sqrt()).max() < 4 / np.sqrt(1000)
    assert (draws.std(0) / covariance.diagonal().sqrt() - 1).abs().max() < 0.1


def test_fixed_features_and_shared_rows() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 3))
    y = np.stack([x[:, 0] + x[:, 2], np.tanh(x[:, 1]) + x[:, 2]], 1) + 0.1 * random.normal(size=(30, 2))
    y[::4, 0] = np.nan
    data = TaskData.from_outputs(x, y, varying=["x0", "x1"])
    network = MLP(2, (6,))
    program = MultiTaskModel(Hierarchical(), Gaussian(), network=Frozen(network)).program(data)
    found = CollapsedProgram(program, data).statistics
    scaled = (x - x.mean(0)) / x.std(0)
    with torch.no_grad():
        features = network(torch.as_tensor(scaled[:, :2]).float()).double().numpy()
    for task in range(2):
        own = data.row[data.task == task]
        design = np.concatenate([np.ones((len(own), 1)), features[own], scaled[own, 2:]], 1)
        # The features are in float32.
        np.testing.assert_allclose(found.xx[task], design.T @ design, rtol=1e-4, atol=1e-4)


def test_heads_on_a_backbone_and_back_from_a_file(tmp_path: Path) -> None:
    model = MultiTaskModel(Hierarchical(), Gaussian(), network=MLP(2, (8,)))
    point = MAP(training=SVI(steps=20), progress=False).run(model, DATA)
    assert point.program.network is not None
    heads = MultiTaskModel(Hierarchical(), Gaussian(), network=Frozen(point.program.network))
    posterior = fit(heads, DATA)
    again = load(posterior.save(tmp_path / "heads"))
    np.testing.assert_array_equal(again.predict(DATA).mean, posterior.predict(DATA).mean)
    assert isinstance(again.program.network, Frozen)


def test_other_likelihoods_go_to_svi() -> None:
    data = TaskData.from_arrays(DATA.x, DATA.y > 0, DATA.task)
    model = MultiTaskModel(Hierarchical(), Bernoulli(), network=Frozen(MLP(2, (4,))))
    posterior = SVI(steps=40, draws=5, progress=False, network=NetworkTraining()).run(model, data)
    assert posterior.record.method == "SVI"


@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_frozen() -> None:
    with pytest.raises(InputTypeError, match="network: expected a deterministic network"):
        Frozen(torch.nn.Identity())
