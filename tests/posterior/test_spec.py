"""Settings as JSON and back."""

import json
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from torch import nn
from torch.distributions import constraints

from bayes_mtl._errors import FileError
from bayes_mtl.likelihoods import Gaussian, Mixed, Ordinal
from bayes_mtl.networks import MLP
from bayes_mtl.posterior._spec import Foreign, decode, encode
from bayes_mtl.priors import Hierarchical
from tests.likelihoods.cases import CASES
from tests.posterior.own_classes import OwnLikelihood, OwnPrior
from tests.priors.cases import PRIORS

DISTRIBUTIONS = [
    dist.Beta(2.0, 3.0),
    dist.Cauchy(0.0, 2.5),
    dist.Dirichlet(torch.tensor([1.0, 2.0, 3.0])),
    dist.Exponential(0.1),
    dist.Gamma(2.0, 0.1),
    dist.HalfCauchy(1.5),
    dist.HalfNormal(0.3),
    dist.InverseGamma(2.0, 3.0),
    dist.Laplace(0.0, 1.0),
    dist.LogNormal(0.5, 0.25),
    dist.Normal(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1e-3])),
    dist.Normal(torch.tensor(0.1, dtype=torch.float64), 1.0),
    dist.StudentT(3.0, 0.0, 1.0),
    dist.Uniform(-1.0, 2.0),
    dist.Weibull(1.0, 2.0),
]


def again(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize("value", DISTRIBUTIONS, ids=lambda d: type(d).__name__)
def test_hyperpriors_come_back_with_the_same_density(value: Any) -> None:
    found, draw = again(value), value.sample()
    assert type(found) is type(value)
    assert torch.equal(found.log_prob(draw), value.log_prob(draw))


@pytest.mark.parametrize("support", [constraints.real, constraints.positive])
def test_flat_hyperpriors_come_back(support: Any) -> None:
    found = again(dist.ImproperUniform(support, torch.Size(), torch.Size()))
    assert found.support is support and found.log_prob(torch.tensor(2.0)) == 0


@pytest.mark.parametrize("value", [*PRIORS.values(), *(case.likelihood for case in CASES.values())], ids=repr)
def test_parts_come_back(value: Any) -> None:
    found = again(value)
    assert type(found) is type(value) and encode(found) == encode(value) and repr(found) == repr(value)


def test_bound_parts_come_back() -> None:
    ordinal = CASES["ordinal"].likelihood.bind(CASES["ordinal"].data())
    assert isinstance(ordinal, Ordinal) and again(ordinal).classes == ordinal.classes == 4


def test_values_come_back() -> None:
    value = {"a": (1, 2.5, None, True, "text"), 3: {"b": float("inf")}}
    assert again(value) == value
    assert again(np.float64(1.5)) == 1.5 and again([1, 2]) == (1, 2)
    assert again(nn.SiLU) is nn.SiLU
    network = again(MLP(2, (3,), activation=nn.ReLU, seed=4))
    assert network.settings == MLP(2, (3,), activation=nn.ReLU, seed=4).settings
    for tensor in (
        torch.randn(2, 3),
        torch.randn(2, dtype=torch.float64),
        torch.tensor([1, 2]),
        torch.tensor(True),
    ):
        found = again(tensor)
        assert found.dtype == tensor.dtype and torch.equal(found, tensor)


@pytest.mark.parametrize(
    "value",
    [
        OwnPrior(),
        OwnLikelihood(),
        nn.Linear(2, 2),
        print,
        nn.Linear,
        dist.Normal(0.0, 1.0).mask(True),
        dist.Normal(torch.zeros(2), 1.0).to_event(1),
        Hierarchical(mean=dist.Normal(0.0, 1.0).mask(True)),
        Mixed({"a": OwnLikelihood()}, default=Gaussian()),
        (1, OwnPrior()),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_is_not_the_librarys_own_is_only_named(value: Any) -> None:
    assert isinstance(again(value), Foreign)


def test_subclasses_of_the_librarys_own_are_not_the_librarys_own() -> None:
    class Sub(Gaussian):
        pass

    class Normal(dist.Normal):  # same name, other class
        pass

    assert isinstance(again(Sub()), Foreign) and isinstance(again(Normal(0.0, 1.0)), Foreign)


def test_the_users_own_object_is_taken_where_its_class_fits() -> None:
    own = OwnLikelihood(scale=dist.HalfNormal(2.0))
    written = encode(OwnLikelihood(scale=dist.HalfNormal(3.0), floor=0.5))
    found = decode(written, own)
    assert found.floor == 0.5 and found.scale.scale == 3.0
    assert isinstance(decode(written, Gaussian()), Foreign)
    mixed = Mixed({"a": own}, default=Gaussian())
    found = decode(encode(mixed), mixed)
    assert type(found.likelihoods["a"]) is OwnLikelihood and type(found.default) is Gaussian


@pytest.mark.parametrize(
    "written",
    [
        {},
        [],
        {"evil": 1},
        {"part": 3, "settings": {}},
        {"part": "priors.Hierarchical"},
        {"part": "priors.__init__", "settings": {}},
        {"tuple": 5},
        {"tuple": [{"evil": 2}]},
        {"mapping": [1]},
        {"mapping": [[{"tuple": [[]]}, 1]]},
        {"tensor": "a", "dtype": "float32"},
        {"tensor": [1.0]},
        {"activation": ["Tanh"]},
        {"improper": "all"},
        {"distribution": "Normal"},
        {"distribution": "Normal", "parameters": {"loc": 0.0, "scale": "a"}},
        {"distribution": ["Normal"], "parameters": {}},
    ],
    ids=str,
)
@pytest.mark.usefixtures("unchecked")
def test_anything_else_is_refused(written: Any) -> None:
    with pytest.raises(FileError):
        decode(written, OwnPrior())


def test_an_unknown_class_is_named() -> None:
    found = decode({"foreign": "module.Class", "settings": {}})
    assert isinstance(found, Foreign) and found.name == "module.Class"
