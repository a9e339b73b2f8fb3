"""The caller's modes of torch: no fit depends on them, and they stay as they were."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl.inference import MAP, NUTS, SVI, AbstractInference, Collapsed, PopulationMonteCarlo
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical
from tests.inference import cases

DATA = cases.rows((4, 6, 8))
PLAIN = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian())
DEEP = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network=MLP(2, (2,)))
SHORT = SVI(steps=5, draws=5, progress=False)
FITS: dict[str, tuple[AbstractInference, MultiTaskModel]] = {
    "svi": (SHORT, PLAIN),
    "network": (SHORT, DEEP),
    "map": (MAP(draws=5, progress=False), PLAIN),
    "nuts": (NUTS(draws=5, warmup=5, chains=1, progress=False, compile=False), PLAIN),
    "points": (Collapsed(PopulationMonteCarlo(draws=100, progress=False)), PLAIN),
}


@contextmanager
def doubles() -> Iterator[None]:
    """float64 where nothing else is said."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": doubles,
}


def state() -> tuple[bool, bool, torch.dtype]:
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()


@pytest.mark.parametrize("name", FITS)
def test_the_same_fit_in_every_mode(name: str) -> None:
    inference, model = FITS[name]
    expected = inference.run(model, DATA).draws
    for mode, block in MODES.items():
        with block():
            before = state()
            found = inference.run(model, DATA).draws
            assert state() == before
        for site, value in expected.items():
            assert found[site].dtype == value.dtype and torch.equal(found[site], value), (mode, site)


def test_modes_are_restored_after_an_error() -> None:
    for block in MODES.values():
        with block():
            before = state()
            with pytest.raises(KeyError), local_parameters():
                assert state() == (True, False, torch.float32)
                raise KeyError
            assert state() == before
