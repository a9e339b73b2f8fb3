"""The usual mistake in a prior of one's own is named as such: axes counted from the left."""

from dataclasses import dataclass

import pyro
import pytest
from pyro.distributions import Normal

from bayes_mtl._shapes import Dims
from bayes_mtl.priors import AbstractGaussianTaskPrior, Moments
from bayes_mtl.testing import CheckFailed, check_prior


@dataclass(frozen=True)
class FromTheLeft(AbstractGaussianTaskPrior):
    """Right for one draw, wrong for several at once."""

    def moments(self, dims: Dims) -> Moments:
        assert dims.task_features is not None
        shape = [dims.task_features.shape[1], *dims.weights]
        effect = pyro.sample("effect", Normal(0.0, 1.0).expand(shape).to_event(3))
        mean = (dims.task_features[:, :, None, None] * effect).sum(1)
        return Moments(mean, mean.new_ones(dims.weights))


def test_the_remedy_names_the_mistake() -> None:
    with pytest.raises(CheckFailed, match=r"several draws at once.*Count axes from the right"):
        check_prior(FromTheLeft())
