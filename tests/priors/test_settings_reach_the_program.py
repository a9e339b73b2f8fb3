"""Every setting of every prior changes its program, and a prior distribution is that of its site."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine
from pyro.distributions import Distribution, Gamma, HalfNormal, LKJCholesky, LogNormal, Normal
from torch import Tensor

from bayes_mtl import TaskData
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.priors import (
    AbstractTaskPrior,
    GroupSparse,
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
from tests.priors.cases import JOINT

DIMS = Dims(4, 3, task_features=torch.linspace(-1.0, 1.0, 8).reshape(4, 2))
NAMES = ["a", "b", "c", "d"]
DATA = TaskData.from_arrays(np.arange(8.0).reshape(4, 2), np.arange(4.0), NAMES, task_names=NAMES)
TREE, OTHER = "((a:1,b:1):2,(c:2,d:2):1);", "((a:1,c:1):2,(b:2,d:2):1);"
MEAN, SCALE, PLACE = Normal(0.7, 2.0), LogNormal(0.3, 0.5), LKJCholesky(3, 4.0)

Changes = dict[str, tuple[Any, ...]]
"""By field: another value of it; then, where one site takes it, that site and its distribution."""

POPULATION: Changes = {
    "mean": (MEAN, "mean", MEAN),
    "scale": (SCALE, "scale", SCALE),
    "covariance": ("diagonal",),
    "concentration": (4.0, "correlation", PLACE),
}
GROUPS: Changes = {
    "order": (0.5,),
    "chi": (SCALE, "chi", SCALE),
    "phi": (SCALE, "phi", SCALE),
    "order_by_size": (0.1,),
    "rank": (2,),
    "own_scale": (SCALE, "own_scale", SCALE),
    "strength": (SCALE, "strength", SCALE),
    "intercept": (SCALE, "intercept_scale", SCALE),
}
EVERY: list[tuple[AbstractTaskPrior, Changes]] = [
    (Independent(HalfNormal(1.0)), {"scale": (SCALE, "scale", SCALE)}),
    (Pooled(), {"mean": (MEAN, "mean", MEAN)}),
    (Hierarchical(), {**POPULATION, "centered": (True,)}),
    (
        Horseshoe(),
        {
            "overall": (SCALE, "overall", SCALE),
            "slab": (Gamma(2.0, 3.0), "slab", Gamma(2.0, 3.0)),
            "intercept": (SCALE, "intercept_scale", SCALE),
        },
    ),
    (
        LowRank(),
        {
            "rank": (3,),
            "mean": (MEAN, "mean", MEAN),
            "scale": (SCALE, "scale", SCALE),
            "strength": (SCALE, "strength", SCALE),
        },
    ),
    (
        TaskCovariance(),
        {
            "mean": (MEAN, "mean", MEAN),
            "scale": (SCALE, "scale", SCALE),
            "concentration": (4.0, "task_correlation", LKJCholesky(4, 4.0)),
        },
    ),
    (
        TaskClustering(weights_prior="gate"),
        {
            "clusters": (3,),
            "weights_prior": ("sparse",),
            "task_mean": (True,),
            "mean": (MEAN, "cluster_mean", MEAN),
            "scale": (SCALE, "cluster_scale", SCALE),
            "covariance": ("diagonal",),
            "concentration": (4.0, "cluster_correlation", PLACE),
            "gate_scale": (3.0, "gate", Normal(0.0, 3.0)),
        },
    ),
    (LatentHierarchy(TREE, covariance="low_rank"), {"rank": (3,)}),
    (LatentHierarchy(TREE), {**POPULATION, "tree": (OTHER,)}),
    (
        LatentCovarianceHierarchy(TREE),
        {
            "tree": (OTHER,),
            "mean": (MEAN, "mean", MEAN),
            "log_scale": (MEAN, "root_log_scale", MEAN),
            "drift": (SCALE, "drift", SCALE),
            "covariance": ("diagonal",),
            "concentration": (4.0, "correlation", PLACE),
        },
    ),
    (GroupSparse(chi=1.0, phi=1.0, rank=1), GROUPS),
    (GroupSparse(chi=1.0, phi=1.0), {"chi": (2.0,), "phi": (2.0,), "intercept": (2.0,)}),
]


def program(prior: AbstractTaskPrior, values: dict[str, Tensor]) -> dict[str, Any]:
    """Values and log-densities of the sites, those in ``values`` given, and the weights."""
    with seeded(0), torch.no_grad(), poutine.condition(data=values):
        trace = poutine.trace(prior.bind(DATA).weights).get_trace(DIMS)
    trace.compute_log_prob()
    sites = {name: node for name, node in trace.nodes.items() if node["type"] == "sample"}
    return {
        **sites,
        "the weights": {"value": trace.nodes["_RETURN"]["value"], "log_prob_sum": torch.zeros(())},
    }


@pytest.mark.parametrize(
    ("prior", "field", "change"),
    [(prior, field, change) for prior, changes in EVERY for field, change in changes.items()],
    ids=[f"{type(prior).__name__}-{field}" for prior, changes in EVERY for field in changes],
)
def test_a_setting_reaches_the_program(prior: AbstractTaskPrior, field: str, change: tuple[Any, ...]) -> None:
    value, *taken = change
    before = program(prior, {})
    given = {name: site["value"] for name, site in before.items() if name not in ("the weights", "weights")}
    changed: AbstractTaskPrior = replace(prior, **{field: value})  # type: ignore[type-var]
    if taken:
        after = program(changed, {})
        site, expected = taken
        assert isinstance(expected, Distribution)
        # rounding of float32
        density = float(expected.log_prob(after[site]["value"]).sum())
        assert float(after[site]["log_prob_sum"]) == pytest.approx(density, rel=1e-4, abs=1e-4)
    elif {name: site["value"].shape for name, site in before.items()} == {
        name: site["value"].shape for name, site in program(changed, {}).items()
    }:
        after = program(changed, given)
        assert any(
            not torch.equal(site["log_prob_sum"], after[name]["log_prob_sum"])
            or not torch.equal(site["value"], after[name]["value"])
            for name, site in before.items()
        )


def test_every_setting_of_every_prior_is_among_these() -> None:
    named: dict[type, set[str]] = {}
    for prior, changes in EVERY:
        named.setdefault(type(prior), set()).update(changes)
    for kind in {type(prior) for prior in JOINT.values()}:
        assert named[kind] == {field.name for field in fields(kind)}  # type: ignore[arg-type]
