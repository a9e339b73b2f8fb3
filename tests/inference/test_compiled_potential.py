"""The log-density in machine code against plain evaluation."""

import math

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import MultivariateNormal, Normal

from bayes_mtl import MultiTaskModel
from bayes_mtl.inference import NUTS, Collapsed
from bayes_mtl.inference._collapsed_program import CollapsedProgram
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._potential import Potential
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.inference.cases import rows


def test_value_and_gradient_with_correlations() -> None:
    """Correlations are read off triangles, by masks whose counts a compiler does not know."""
    data = rows()
    with local_parameters():
        program = MultiTaskModel(Hierarchical(), Gaussian()).program(data)
        batch = program.batch(data, dtype=torch.float64)
        potential = Potential(program, (batch,))
        points = potential.start.numpy() + np.random.default_rng(0).normal(size=(2, len(potential)))
        plain = [potential.value_and_gradient(point) for point in points]
        potential.compile()
        compiled = [potential.value_and_gradient(point) for point in points]
    for (value, gradient), (expected, slope) in zip(compiled, plain, strict=True):
        # float64, sums in another order
        np.testing.assert_allclose(value, expected, rtol=1e-8)
        np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)


def test_a_singular_point_has_no_density() -> None:
    """A covariance that is no covariance beyond ``a = 1``."""

    def program() -> None:
        a = pyro.sample("a", Normal(0.0, 1.0))
        one, zeros = torch.ones_like(a), torch.zeros(2, dtype=a.dtype)
        covariance = torch.stack([torch.stack([one, a]), torch.stack([a, one])])
        pyro.sample("y", MultivariateNormal(zeros, covariance), obs=zeros)

    with local_parameters():
        potential = Potential(program)
        potential.compile()
        assert math.isfinite(potential.value_and_gradient(np.array([0.5]))[0])
        assert potential.value_and_gradient(np.array([2.0]))[0] == -math.inf


def test_densities_and_chains_are_those_of_the_uncompiled_density() -> None:
    """Weights integrated out. In one test, since both need the same machine code."""
    model, data = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()), rows()
    with local_parameters():
        potential = Potential(CollapsedProgram(model.program(data), data))
        points = potential.start.numpy() + np.random.default_rng(0).normal(size=(5, len(potential)))
        plain = [potential.value_and_gradient(point) for point in points]
        potential.compile()
        compiled = [potential.value_and_gradient(point) for point in points]
    for (value, gradient), (expected, slope) in zip(compiled, plain, strict=True):
        # float64, sums in another order
        np.testing.assert_allclose(value, expected, rtol=1e-10)
        np.testing.assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)
    means = []
    for compile in (True, False):
        nuts = NUTS(draws=20, warmup=20, chains=1, compile=compile, progress=False)
        means.append(Collapsed(nuts).run(model, data).draws["mean"].mean(0))
    # only rounding differs, and chains of a few steps do not spread it far
    assert torch.allclose(*means, rtol=1e-3, atol=1e-3)


def test_cores_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()), rows()
    nuts = NUTS(draws=20, warmup=20, chains=2, compile=False, progress=False)
    draws = []
    for seconds in (0.0, math.inf):
        monkeypatch.setattr("bayes_mtl.inference._nuts._WORTH_A_CORE", seconds)
        draws.append(Collapsed(nuts).run(model, data).draws["mean"])
    assert torch.equal(*draws)


def test_a_graph_is_compiled_once_and_never_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    from bayes_mtl.inference import _compile

    asked = []
    monkeypatch.setattr(_compile, "_machine_code", lambda graph, inputs: asked.append(graph) or graph)
    monkeypatch.setattr(_compile, "_compiled", type(_compile._compiled)())
    x = torch.arange(3.0)
    table = torch.tensor([2, 5])

    def graph(factor: float, at: int) -> torch.fx.GraphModule:
        return make_fx(lambda v: v * factor + table[at])(x)

    first = _compile.compile_graph(graph(2.0, 0), [x])
    assert _compile.compile_graph(graph(2.0, 0), [torch.ones(3)]) is first and len(asked) == 1
    for other, given in ((graph(3.0, 0), x), (graph(2.0, 0), x.double()), (graph(2.0, 0), torch.ones(1))):
        assert _compile.compile_graph(other, [given]) is not first
    assert len(asked) == 4
    # a number that the graph keeps inside is a part of it
    kept = torch.tensor(4)
    one = _compile.compile_graph(make_fx(lambda v: v + kept)(x), [x])
    kept = torch.tensor(6)
    assert _compile.compile_graph(make_fx(lambda v: v + kept)(x), [x]) is not one
    for number in range(2 * _compile._KEPT):
        _compile.compile_graph(graph(float(number), 1), [x])
    assert len(_compile._compiled) == _compile._KEPT
