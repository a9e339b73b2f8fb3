"""Devices that are none, or not here."""

import pytest
import torch

from bayes_mtl import MultiTaskModel
from bayes_mtl._errors import InputError
from bayes_mtl.inference import SVI
from bayes_mtl.inference._devices import present
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Independent
from tests.inference import cases


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "meta", "", None])
@pytest.mark.usefixtures("unchecked")
def test_names_of_no_device(device: str) -> None:
    with pytest.raises(InputError, match=r"device: expected 'auto', 'cpu', 'cuda'.*Leave it out"):
        SVI(device=device)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_names_of_devices(device: str) -> None:
    assert SVI(device=device).device == device


def test_a_device_that_is_not_here() -> None:
    absent = f"cuda:{torch.cuda.device_count()}"
    model = MultiTaskModel(Independent(), Gaussian())
    with pytest.raises(InputError, match=rf"device: expected one that torch finds here .*{absent}"):
        SVI(device=absent, steps=1, progress=False).run(model, cases.rows((3, 4)))
    assert present("cpu") == torch.device("cpu")
