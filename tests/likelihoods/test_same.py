"""When two likelihoods, or two priors of their parameters, are the same."""

import copy

import pytest
import torch
from pyro.distributions import Categorical as PyroCategorical
from pyro.distributions import (
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    ImproperUniform,
    LogNormal,
    MixtureSameFamily,
    Normal,
)
from torch.distributions import constraints

from bayes_mtl.likelihoods import Categorical, Gaussian, Ordinal
from bayes_mtl.likelihoods._same import same


@pytest.mark.parametrize("prior", [HalfNormal(2.0), Gamma(2.0, 0.1), Normal(torch.zeros(2), 1.0)])
def test_priors_of_one_family_with_equal_parameters(prior: Distribution) -> None:
    assert same(prior, copy.deepcopy(prior))


def test_other_parameters_shapes_and_families_differ() -> None:
    assert not same(HalfNormal(2.0), HalfNormal(1.0))
    assert not same(Gamma(2.0, 0.1), Gamma(2.0, 0.2))
    assert not same(Normal(0.0, 1.0), Normal(torch.zeros(2), 1.0))
    assert not same(Exponential(1.0), HalfNormal(1.0))


def test_wrappers_that_hide_their_state_are_only_themselves() -> None:
    def mixture() -> Distribution:
        return MixtureSameFamily(PyroCategorical(torch.ones(2)), Normal(torch.zeros(2), 1.0))

    one = mixture()
    assert same(one, one) and not same(one, mixture())


def test_improper_priors_compare_by_support() -> None:
    def improper(support: constraints.Constraint) -> Distribution:
        return ImproperUniform(support, torch.Size(), torch.Size())

    assert same(improper(constraints.positive), improper(constraints.positive))
    assert not same(improper(constraints.positive), improper(constraints.real))


def test_likelihoods() -> None:
    assert same(Gaussian(scale=HalfNormal(2.0)), Gaussian(scale=HalfNormal(2.0)))
    assert not same(Gaussian(scale=HalfNormal(2.0)), Gaussian())
    assert not same(Gaussian(noise="task"), Gaussian())
    assert not same(Categorical(3), Categorical()) and not same(Categorical(3), Ordinal(classes=3))
    assert same(Gaussian(scale=LogNormal(0.0, 1.0)), Gaussian(scale=LogNormal(0.0, 1.0)))
