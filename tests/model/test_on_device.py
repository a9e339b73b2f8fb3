"""Programs on another device than the CPU, played by torch's device without memory."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch.distributions.transforms import AffineTransform, ExpTransform

from bayes_mtl import MultiTaskModel
from bayes_mtl.inference import AutoTaskBlocks
from bayes_mtl.inference._arguments import draw_from, next_arguments
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._elbo import ElboGradient
from bayes_mtl.inference._learned import Learned
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._step_state import StepState
from bayes_mtl.inference._whole_step import whole_step
from bayes_mtl.likelihoods import Gaussian, Ordinal, StudentT
from bayes_mtl.model import on_device
from bayes_mtl.model._on_device import moved
from bayes_mtl.priors import AbstractTaskPrior
from tests.priors.cases import PRIORS
from tests.priors.test_with_every_likelihood import LIKELIHOODS, data_of

# The Gumbel-softmax prior's guide asks once, when it is made, which classes were seen.
ASKING = ("gumbel_softmax", "gumbel_softmax_alone", "gumbel_softmax_amortised")
NOT_ASKING = {name: prior for name, prior in PRIORS.items() if name not in ASKING}


COMBINATIONS = [(PRIORS["hierarchical"], name) for name in LIKELIHOODS]
COMBINATIONS += [(prior, "gaussian_task") for prior in NOT_ASKING.values()]


@pytest.mark.parametrize(("prior", "name"), COMBINATIONS)
def test_a_whole_step_stays_on_the_device_and_asks_it_nothing(prior: AbstractTaskPrior, name: str) -> None:
    """A device without memory has no answers, so neither numbers nor shapes may depend on any."""
    data, device = data_of(name), torch.device("meta")
    with local_parameters():
        program = MultiTaskModel(prior, LIKELIHOODS[name]).program(data).to(device)
        batches, _ = batches_of(program, data, 8, 1.0, 0, device)
        with on_device(device):
            guide = AutoTaskBlocks(program)
            learned = Learned(program, guide, next_arguments(batches))
            state = StepState.of(learned, torch.optim.Adam(learned.groups(), lr=0.01))
            drawn, gradient = draw_from(batches), ElboGradient(program, guide, 3)
            loss = whole_step(gradient, learned.modules, batches, state, state.detached(), drawn)
    assert loss.device.type == "meta"
    assert {value.device.type for value in state.flat()} == {"meta"}


DISTRIBUTIONS = [
    dist.Normal(0.0, 1.0).expand([3]).to_event(1),
    dist.HalfNormal(1.0).expand([3, 2]),
    dist.Gamma(2.0, 0.1),
    dist.Dirichlet(torch.ones(3)),
    dist.LKJCholesky(3, 1.0).expand([2]).to_event(1),
    dist.InverseGamma(2.0, 1.0),
    dist.LogNormal(0.0, 1.0).mask(torch.tensor(True)),
    dist.TransformedDistribution(
        dist.Uniform(0.0, 1.0), [AffineTransform(torch.ones(()), 2.0), ExpTransform()]
    ),
    dist.StudentT(3.0, 0.0, 1.0),
]


def test_a_transform_that_was_asked_for_its_inverse_moves_too() -> None:
    """They hold each other, and priors are fitted more than once."""
    value = dist.InverseGamma(2.0, 1.0)
    for transform in (value.transforms[0], value.transforms[0].inv):
        found = moved(transform, torch.device("meta"))
        assert type(found) is type(transform)
        assert found(torch.ones(2, device="meta")).device.type == "meta"
        forward = found if found is not transform and hasattr(found, "exponent") else found.inv
        assert forward.exponent.device.type == "meta"
    assert value.transforms[0].exponent.device.type == "cpu"
    assert moved(value, torch.device("meta")).sample().device.type == "meta"


@pytest.mark.parametrize("value", DISTRIBUTIONS, ids=lambda d: type(d).__name__)
def test_distributions_move_with_all_their_parts(value: dist.Distribution) -> None:
    found = moved(value, torch.device("meta"))
    assert type(found) is type(value) and found.shape() == value.shape()
    assert found.has_rsample == value.has_rsample
    tensors = list(parts(found))
    assert tensors and all(tensor.device.type == "meta" for tensor in tensors)
    # the one that was given stays, and moving again changes nothing
    assert all(tensor.device.type == "cpu" for tensor in parts(value))
    assert moved(found, torch.device("meta")) is found
    assert moved(value, torch.device("cpu")) is value


def parts(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, list):
        return [tensor for item in value for tensor in parts(item)]
    if isinstance(value, (torch.distributions.Distribution, torch.distributions.Transform)):
        return [tensor for item in vars(value).values() for tensor in parts(item)]
    return []


def test_on_the_cpu_nothing_changes() -> None:
    prior = dist.Normal(0.0, 1.0)
    with on_device("cpu"):
        trace = poutine.trace(lambda: pyro.sample("a", prior)).get_trace()
    assert trace.nodes["a"]["fn"] is prior


@pytest.mark.parametrize("likelihood", [Gaussian(), StudentT(), Ordinal()], ids=lambda v: type(v).__name__)
def test_on_a_gpu(likelihood: Gaussian) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    from bayes_mtl.inference import SVI

    data = data_of("ordinal" if isinstance(likelihood, Ordinal) else "gaussian_task")
    for prior in PRIORS.values():
        fitted = SVI(steps=5, draws=3, device="cuda", progress=False).run(
            MultiTaskModel(prior, likelihood), data
        )
        assert fitted.record.device == "cuda" and torch.isfinite(fitted.draws["weights"]).all()
