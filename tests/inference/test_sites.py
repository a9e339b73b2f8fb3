"""Latent sites: where they live, and what is refused."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import Bernoulli, Dirichlet, HalfNormal, LKJCholesky, Normal

from bayes_mtl._errors import InputError, UnsupportedError
from bayes_mtl.inference._sites import latent_sites

TASKS = 4


def program() -> None:
    mean = pyro.sample("mean", Normal(0.0, 1.0).expand([2, 3]).to_event(2))
    pyro.sample("shares", Dirichlet(torch.ones(3)))
    pyro.sample("correlation", LKJCholesky(3, 1.0))
    with pyro.plate("tasks", TASKS, dim=-1):
        pyro.sample("weights", Normal(mean, 1.0).to_event(2))
        pyro.sample("scale", HalfNormal(1.0))
    with pyro.plate("rows", 5, dim=-1):
        pyro.sample("y", Normal(0.0, 1.0), obs=torch.zeros(5))


def test_sizes_and_plates() -> None:
    found = {site.name: (site.plate, site.size) for site in latent_sites(program, (), {})}
    # A point of three shares has two degrees of freedom, a correlation of three features three.
    assert found == {
        "mean": (None, 6),
        "shares": (None, 2),
        "correlation": (None, 3),
        "weights": (("tasks", TASKS), 6),
        "scale": (("tasks", TASKS), 1),
    }


def test_starting_values() -> None:
    given = {"shares": torch.tensor([0.2, 0.3, 0.5]), "scale": torch.tensor(2.0)}
    sites = {site.name: site for site in latent_sites(program, (), given)}
    for name, value in given.items():
        site = sites[name]
        flat = site.start.reshape(TASKS, 1) if site.plate else site.start
        torch.testing.assert_close(site.constrain(flat)[0], value.expand(site.constrain(flat)[0].shape))
    others = sites["weights"].start
    assert 0 < float(others.abs().max()) <= 0.1


def test_jacobians_are_those_of_change_of_variables() -> None:
    sites = {site.name: site for site in latent_sites(program, (), {})}
    flat = torch.randn(7, TASKS, 1, dtype=torch.float64)
    value, jacobian = sites["scale"].constrain(flat)
    torch.testing.assert_close(value, flat.squeeze(-1).exp())
    torch.testing.assert_close(jacobian, flat.squeeze(-1))
    flat = torch.randn(7, 1, 2, dtype=torch.float64)
    value, jacobian = sites["shares"].constrain(flat)
    assert (value.shape, jacobian.shape) == ((7, 1, 3), (7, 1))
    for i in range(7):
        matrix = torch.autograd.functional.jacobian(lambda z: sites["shares"].constrain(z)[0], flat[i, 0])
        # The last share is what the others leave, so two of them are coordinates.
        torch.testing.assert_close(torch.linalg.det(matrix[:2]).abs().log(), jacobian[i, 0])


def test_errors_inside_of_a_program_stay_as_they_are() -> None:
    def program() -> None:
        pyro.sample("mean", Normal(0.0, 1.0))
        raise InputError("what was wrong")

    with pytest.raises(InputError) as caught:
        poutine.trace(poutine.trace(program)).get_trace()
    assert str(caught.value) == "what was wrong"


def test_a_discrete_site_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="latent site 'kind' is discrete"):
        latent_sites(lambda: pyro.sample("kind", Bernoulli(0.5)), (), {})


def test_axes_that_are_no_plate_are_refused() -> None:
    with pytest.raises(InputError, match=r"site 'mean': expected one plate at most.*\[3\] in 0 plates"):
        latent_sites(lambda: pyro.sample("mean", Normal(torch.zeros(3), 1.0)), (), {})


def test_a_plate_within_a_plate_is_refused() -> None:
    def nested() -> None:
        with pyro.plate("tasks", TASKS, dim=-1), pyro.plate("others", 2, dim=-2):
            pyro.sample("x", Normal(0.0, 1.0))

    with pytest.raises(InputError, match="in 2 plates"):
        latent_sites(nested, (), {})
