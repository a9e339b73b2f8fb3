"""Programs on another device than the CPU, played by torch's device without memory."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch.distributions.transforms import AffineTransform, ExpTransform

from bayes_mtl import MultiTaskModel
from bayes_mtl.inference import AutoTaskBlocks
from bayes_mtl.likelihoods import Gaussian, Ordinal, StudentT
from bayes_mtl.model import on_device
from bayes_mtl.model._on_device import moved
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, TaskClustering
from tests.priors.cases import PRIORS
from tests.priors.test_with_every_likelihood import LIKELIHOODS, data_of

# The transform of correlations picks entries by a mask, whose number a device without memory cannot tell.
WITHOUT_CORRELATIONS = {
    **{name: PRIORS[name] for name in ("independent", "independent_learned", "pooled", "low_rank")},
    "hierarchical": Hierarchical(covariance="diagonal"),
    "clustering": TaskClustering(2, covariance="diagonal"),
    "clustering_sparse": TaskClustering(3, "sparse", covariance="diagonal"),
    "clustering_sticks": TaskClustering(3, "stick-breaking", covariance="diagonal"),
    "clustering_gate": TaskClustering(3, "gate", task_mean=True, covariance="diagonal"),
}


COMBINATIONS = [(WITHOUT_CORRELATIONS["hierarchical"], name) for name in LIKELIHOODS]
COMBINATIONS += [(prior, "gaussian_task") for prior in WITHOUT_CORRELATIONS.values()]


@pytest.mark.parametrize(("prior", "name"), COMBINATIONS)
def test_a_step_stays_on_the_device(prior: AbstractTaskPrior, name: str) -> None:
    data = data_of(name)
    program = MultiTaskModel(prior, LIKELIHOODS[name]).program(data).to("meta")
    batch = program.batch(data, device="meta")
    with pyro.validation_enabled(False), on_device("meta"):
        guide = AutoTaskBlocks(program)
        guide(batch)
        with pyro.plate("particles", 3, dim=-2):
            drawn = poutine.trace(guide).get_trace(batch)
            trace = poutine.trace(poutine.replay(program, trace=drawn)).get_trace(batch)
        trace.compute_log_prob()
        drawn.compute_log_prob()
    sites = [site for t in (trace, drawn) for site in t.nodes.values() if site["type"] == "sample"]
    assert len(sites) > 2 and {site["log_prob"].device.type for site in sites} == {"meta"}


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
