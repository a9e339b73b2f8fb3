"""Settings as text: what differs reads differently, what is the same reads the same in every process."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from pyro.distributions import (
    Categorical,
    FoldedDistribution,
    Gamma,
    LogNormal,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
)
from torch import nn
from torch.distributions.transforms import AffineTransform

from bayes_mtl.inference._text_of import state_text, text_of
from bayes_mtl.networks import MLP, Frozen


class Plain:
    """An object with nothing but its attributes."""

    def __init__(self, number: float) -> None:
        self.number, self.own = number, self


def enclosing(number: float) -> Callable[[float], float]:
    """A function that says nothing of its number."""
    return lambda x: x + number


def mixture(number: float) -> MixtureSameFamily:
    return MixtureSameFamily(Categorical(torch.tensor([0.3, 0.7])), Normal(torch.tensor([0.0, number]), 1.0))


MAKERS: dict[str, Callable[[float], Any]] = {
    "independent": lambda s: Normal(0.0, s).expand([2]).to_event(1),
    "transformed": lambda s: TransformedDistribution(Normal(0.0, 1.0), [AffineTransform(0.0, s)]),
    "folded": lambda s: FoldedDistribution(Normal(0.0, s)),
    "log-normal": lambda s: LogNormal(0.0, s),
    "mixture": mixture,
    "inverse": lambda s: AffineTransform(0.0, s).inv,
    "matrix": lambda s: MultivariateNormal(torch.zeros(2), torch.eye(2) * s),
    "expanded": lambda s: Gamma(s, 1.0).expand([3]).mask(True),
    "plain object": Plain,
    "method": lambda s: Plain(s).__init__,
    "enclosed": enclosing,
    "enclosed in a partial": lambda s: partial(map, enclosing(s)),
    "default": lambda s: lambda x, y=s: x + y,
    "array": lambda s: np.append(np.zeros(5000), s),
    "objects": lambda s: np.array([s, "a"], dtype=object),
    "tensor": lambda s: torch.full((), s, dtype=torch.bfloat16),
    "sets": lambda s: {"a", "b", s},
    "module": lambda s: nn.Dropout(s / 10),
}


@pytest.mark.parametrize("name", MAKERS)
def test_equal_for_equal_settings_only(name: str) -> None:
    make = MAKERS[name]
    assert text_of(make(1.0)) == text_of(make(1.0)) != text_of(make(1.5))


def test_functions_are_told_by_their_code() -> None:
    one, same, other = (lambda x: x + 1), (lambda x: x + 1), (lambda x: x + 2)
    called, global_ = (lambda x: x.exp()), (lambda x: x.log())
    assert text_of(one) == text_of(same)
    assert len({text_of(f) for f in (one, other, called, global_)}) == 4


def test_what_was_asked_for_changes_nothing() -> None:
    for distribution in (mixture(1.0), MultivariateNormal(torch.zeros(2), torch.eye(2)), LogNormal(0.0, 1.0)):
        before = text_of(distribution)
        value = distribution.sample()
        distribution.log_prob(value), distribution.variance, distribution.support.check(value)
        for transform in getattr(distribution, "transforms", []):
            transform.inv(value)
        assert text_of(distribution) == before


def test_numbers_of_modules() -> None:
    one, same, other = (MLP(2, (2,)) for _ in range(3))
    next(other.parameters()).data.mul_(2.0)
    assert len({text_of(network) for network in (one, same, other)}) == 1
    assert state_text(Frozen(one)) == state_text(Frozen(same)) != state_text(Frozen(other))
    assert state_text(None) == state_text(nn.LazyLinear(2)).replace("[]", "") == ""


def everything() -> str:
    return str([text_of(make(1.0)) for make in MAKERS.values()] + [state_text(MLP(2, (2,)))])


def test_the_same_in_another_process() -> None:
    """Where strings have other hashes, and objects other addresses."""
    command = "from tests.inference.test_text_of import everything; print(everything())"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, env=environment, check=True
    )
    assert run.stdout.strip() == everything()
