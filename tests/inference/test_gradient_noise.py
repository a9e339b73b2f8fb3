"""Signal and noise of a gradient that is known."""

import pyro
import pytest
import torch
from pyro.distributions import Normal
from torch import Tensor, nn

from bayes_mtl.inference._gradient_noise import gradient_noise
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._whole_data import WholeData

SIZE, SPREAD = 4000, 0.5


def program() -> None:
    with pyro.plate("entries", SIZE, dim=-1):
        pyro.sample("z", Normal(torch.tensor(0.0), 1.0))


class Guide(nn.Module):
    """The gradient of its centre is ``z``: mean ``centre``, standard deviation SPREAD."""

    def __init__(self, centre: float) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.full((SIZE,), centre))

    def forward(self) -> Tensor:
        with pyro.plate("entries", SIZE, dim=-1):
            return pyro.sample("z", Normal(self.centre, SPREAD))


@pytest.mark.parametrize("centre", [0.0, 1.0])
def test_it_is_what_it_should_be(centre: float) -> None:
    before = torch.get_rng_state()
    with local_parameters():
        found = gradient_noise(
            program, Guide(centre), WholeData(()), particles=1, rate=0.01, steps=1000, seed=0
        )
    assert torch.equal(torch.get_rng_state(), before)
    # F-distributed ratios have means 15/13 times as large; 4,000 of them scatter by 0.1 without and by 2.5
    # with a signal (4 standard errors)
    assert found["signal"] ** 2 == pytest.approx(
        15 / 13 * (centre / SPREAD) ** 2, abs=0.006 if centre == 0 else 0.16
    )
    # the mean of 16 draws' standard deviation is 0.984 of the true one
    assert found["cost"] == pytest.approx(0.25 * 0.01 * SIZE * SPREAD * 0.984, rel=0.01)


def test_short_trainings_are_not_measured() -> None:
    assert gradient_noise(program, Guide(0.0), WholeData(()), particles=1, rate=0.01, steps=10, seed=0) == {}
