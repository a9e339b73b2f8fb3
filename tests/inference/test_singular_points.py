"""Points at which a covariance is singular have density zero; nothing stops at them."""

import math

import numpy as np
import pyro
import torch
from pyro.distributions import Normal

from bayes_mtl.inference._potential import Potential


def program() -> None:
    """Standard normal, with a factorisation that fails below -1 and cancels elsewhere."""
    x = pyro.sample("x", Normal(0.0, 1.0))
    root = torch.linalg.cholesky((x + 1.0).reshape(1, 1))
    pyro.factor("evidence", root.log().sum() - root.log().sum())


def test_a_failed_factorisation_is_density_zero() -> None:
    potential = Potential(program)
    value, gradient = potential.value_and_gradient(np.array([-2.0]))
    assert value == -math.inf
    assert gradient.tolist() == [0.0]


def test_other_points_are_as_they_were() -> None:
    value, gradient = Potential(program).value_and_gradient(np.array([0.5]))
    # float64 rounding
    np.testing.assert_allclose(value, -0.5 * 0.25 - 0.5 * math.log(2 * math.pi), rtol=1e-12)
    np.testing.assert_allclose(gradient, [-0.5], rtol=1e-12)
