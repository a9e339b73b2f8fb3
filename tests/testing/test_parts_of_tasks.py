"""Densities of a part of the tasks are those among all tasks, or no step sees a part of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import HalfNormal, Normal
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._shapes import Dims
from bayes_mtl.inference._by_task import allows_parts
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import (
    AbstractGaussianTaskPrior,
    GroupSparse,
    Hierarchical,
    Horseshoe,
    Moments,
    TaskCovariance,
)
from bayes_mtl.testing import CheckFailed, check_model


def example() -> TaskData:
    """Five tasks of two features."""
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(5), [2, 3, 1, 4, 2])
    x = random.normal(size=(len(task), 2))
    return TaskData.from_arrays(x, random.normal(size=len(task)), task)


@dataclass(frozen=True)
class ByNumber(AbstractGaussianTaskPrior):
    """Depends on the number of tasks: the batch's or all, in a density or in the weights' scale."""

    where: str = "density"
    every: bool = False

    def moments(self, dims: Dims) -> Moments:
        number = float(dims.all_tasks if self.every else dims.tasks)
        widths = {name: number if name == self.where else 1.0 for name in ("density", "moments")}
        scale = pyro.sample("scale", HalfNormal(widths["density"]).expand(dims.weights).to_event(2))
        with dims.plate():
            own = pyro.sample("own", Normal(0.0, 1.0).expand(dims.weights).to_event(2))
        return Moments(own, scale * widths["moments"])


@pytest.mark.parametrize(
    ("prior", "allowed"),
    [
        (Hierarchical(), True),
        (Horseshoe(), True),
        (GroupSparse.ard(rank=1), True),
        (GroupSparse.group_lasso(), True),
        (GroupSparse.hyperbolic(), True),
        (ByNumber("nothing"), True),
        (ByNumber("density", every=True), True),
        (ByNumber("moments", every=True), True),
        (ByNumber("density"), False),
        (ByNumber("moments"), False),
        (TaskCovariance(), False),
    ],
    ids=repr,
)
def test_priors_of_which_steps_may_see_a_part(prior: AbstractGaussianTaskPrior, allowed: bool) -> None:
    model = MultiTaskModel(prior, Gaussian())
    assert allows_parts(model.program(example())) == allowed


@pytest.mark.parametrize(
    "prior", [GroupSparse.group_lasso(), GroupSparse.hyperbolic()], ids=["lasso", "hyperbolic"]
)
def test_the_order_of_a_group_is_of_all_tasks(prior: GroupSparse) -> None:
    program = MultiTaskModel(prior, Gaussian()).program(example())

    def order(members: Tensor | None) -> Tensor:
        with pyro.poutine.trace() as tracer, torch.no_grad():
            program.weights(members=members)
        found: Tensor = tracer.trace.nodes["precision"]["fn"].base_dist.order
        return found

    # -1/2, and -1/2 for each of five tasks
    assert order(None).tolist() == order(torch.tensor([0, 3])).tolist() == [-3.0, -3.0]
    check_model(MultiTaskModel(prior, Gaussian()), example())


class NoiseByNumber(Gaussian):
    """A noise that falls with the number of the batch's tasks."""

    def parameters(self, dims: Dims) -> Mapping[str, Tensor]:
        return {"scale": pyro.sample("noise_scale", HalfNormal(1.0 / dims.tasks))}


def test_a_likelihood_that_counts_the_tasks_of_a_batch() -> None:
    with pytest.raises(CheckFailed, match=r"'noise_scale' of a part of the tasks[\s\S]*all_tasks"):
        check_model(MultiTaskModel(Hierarchical(covariance="diagonal"), NoiseByNumber()), example())
