"""Settings of priors and likelihoods: what cannot be one is refused when it is given."""

from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import pyro.distributions as dist
import pytest
import torch

from bayes_mtl import MultiTaskModel, likelihoods, priors
from bayes_mtl._errors import InputError, InputTypeError
from bayes_mtl.likelihoods import (
    AbstractLikelihood,
    Gamma,
    Gaussian,
    LogNormal,
    NegativeBinomial,
    Ordinal,
    StudentT,
)
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
    GumbelSoftmax,
    Hierarchical,
    Horseshoe,
    Independent,
    LatentCovarianceHierarchy,
    LatentHierarchy,
    LowRank,
    Pooled,
    TaskClustering,
    TaskCovariance,
)
from tests.priors.cases import TREE

pytestmark = pytest.mark.usefixtures("unchecked")

OF_TREE = partial(LatentCovarianceHierarchy, TREE)
REAL = [
    *((kind, "mean") for kind in (Hierarchical, LowRank, Pooled, TaskClustering, TaskCovariance)),
    (LatentHierarchy, "mean"),
    (OF_TREE, "mean"),
    (OF_TREE, "log_scale"),
    (Ordinal, "first"),
    (partial(MultiTaskModel, Hierarchical(), Gaussian()), "fixed"),
]
POSITIVE = [
    *((kind, "scale") for kind in (Hierarchical, LowRank, TaskClustering, TaskCovariance, LatentHierarchy)),
    *((kind, "scale") for kind in (Gaussian, StudentT, LogNormal)),
    (LowRank, "strength"),
    (OF_TREE, "drift"),
    (Horseshoe, "overall"),
    (Horseshoe, "slab"),
    (GroupSparse, "own_scale"),
    (GroupSparse, "strength"),
    (StudentT, "df"),
    (Gamma, "concentration"),
    (NegativeBinomial, "concentration"),
    (Ordinal, "increments"),
]
OR_NUMBER = [
    (Independent, "scale"),
    (Horseshoe, "intercept"),
    (GroupSparse, "intercept"),
    (GroupSparse, "chi"),
    (GroupSparse, "phi"),
    (GumbelSoftmax, "spread"),
]
NUMBERS = [
    *((kind, "concentration") for kind in (Hierarchical, TaskCovariance, TaskClustering, LatentHierarchy)),
    (OF_TREE, "concentration"),
    (TaskClustering, "gate_scale"),
    *((GumbelSoftmax, name) for name in ("rate", "base_scale", "tempering", "anneal")),
]
RIGHT = [
    dist.HalfNormal(2.0),
    dist.InverseGamma(2.0, 2.0),
    dist.Uniform(0.1, 3.0),
    dist.Beta(2.0, 2.0),
    dist.FoldedDistribution(dist.StudentT(3.0, 0.0, 1.0)),
    dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.LogNormal(torch.zeros(2), 1.0)),
    dist.ImproperUniform(dist.constraints.positive, torch.Size(), torch.Size()),
]
"""Priors of positive numbers, whatever says so."""

WHOLE = [
    (LowRank, "rank"),
    (LatentHierarchy, "rank"),
    (GroupSparse, "rank"),
    (TaskClustering, "clusters"),
    (GumbelSoftmax, "amortised"),
]


def test_every_setting_with_a_prior_is_below() -> None:
    public = [getattr(package, name) for package in (priors, likelihoods) for name in package.__all__]
    kinds = [
        k for k in public if isinstance(k, type) and issubclass(k, (AbstractTaskPrior, AbstractLikelihood))
    ]
    expected = {
        (k, f.name)
        for k in kinds
        for f in (fields(k) if is_dataclass(k) else ())
        if "Distribution" in str(f.type)
    }
    known = {(getattr(kind, "func", kind), name) for kind, name in [*REAL, *POSITIVE, *OR_NUMBER]}
    assert expected | {(MultiTaskModel, "fixed")} == known | {(GroupSparse, "order")}


@pytest.mark.parametrize(("kind", "name"), [*REAL, *POSITIVE])
def test_a_prior_is_a_pyro_distribution(kind: Any, name: str) -> None:
    with pytest.raises(InputTypeError, match=rf"^{name} of .*a Pyro distribution, found 0\.5\. .*pyro\.dist"):
        kind(**{name: 0.5})
    with pytest.raises(InputTypeError, match=r"found torch\.\S*HalfNormal\. Take .*pyro\.\S*\.HalfNormal"):
        kind(**{name: torch.distributions.HalfNormal(1.0)})
    with pytest.raises(InputTypeError, match="found the class HalfNormal"):
        kind(**{name: dist.HalfNormal})
    with pytest.raises(InputError, match="one number, found shape"):
        kind(**{name: dist.LogNormal(torch.zeros(2), 1.0).to_event(1)})
    with pytest.raises(InputError, match="found Poisson"):
        kind(**{name: dist.Poisson(1.0)})


@pytest.mark.parametrize(("kind", "name"), [*POSITIVE, *OR_NUMBER])
def test_a_scale_has_a_prior_of_positive_numbers(kind: Any, name: str) -> None:
    for wrong in (dist.Normal(0.0, 1.0), dist.Uniform(-1.0, 2.0), dist.Delta(torch.ones(()))):
        with pytest.raises(InputError, match=rf"^{name} of .*positive numbers, found .* Try .*HalfNormal"):
            kind(**{name: wrong})
    for right in RIGHT:
        assert getattr(kind(**{name: right}), name) is right


@pytest.mark.parametrize(("kind", "name"), REAL)
def test_a_mean_may_have_any_prior(kind: Any, name: str) -> None:
    flat = dist.ImproperUniform(dist.constraints.real, torch.Size(), torch.Size())
    for right in (flat, dist.StudentT(3.0), dist.LogNormal(0.0, 1.0)):
        assert getattr(kind(**{name: right}), name) is right


@pytest.mark.parametrize(("kind", "name"), [*NUMBERS, *OR_NUMBER])
def test_numbers_are_above_zero(kind: Any, name: str) -> None:
    for wrong in (-1.0, float("nan")):
        with pytest.raises(InputError, match=f"{name}.* expected .*, found {wrong}"):
            kind(**{name: wrong})
    with pytest.raises(InputTypeError, match=rf"^{name} of .*a number, found 'a'"):
        kind(**{name: "a"})


@pytest.mark.parametrize(("kind", "name"), WHOLE)
def test_sizes_are_whole_numbers(kind: Any, name: str) -> None:
    for wrong in (1.5, -1):
        with pytest.raises(InputError, match=rf"^{name} of .*a whole number, at least \d, found {wrong}"):
            kind(**{name: wrong})
    for other in ("a", True):
        with pytest.raises(InputTypeError, match=rf"^{name} of .*a number, found {other!r}"):
            kind(**{name: other})


def test_priors_may_differ_between_weights_and_tasks_and_nowhere_else() -> None:
    several = dist.HalfNormal(torch.tensor([[1.0], [2.0]]))
    assert Hierarchical(scale=several).scale is several
    assert Gaussian(scale=dist.HalfNormal(torch.ones(3)), noise="task").noise == "task"
    for kind in (Gaussian, Independent):
        with pytest.raises(InputError, match="one number, found shape"):
            kind(scale=several)
