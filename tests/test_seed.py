"""The caller's random numbers are left alone."""

import random

import numpy as np
import pyro
import pytest
import torch

from bayes_mtl._seed import seeded


def drawn() -> tuple[float, float, float]:
    return float(torch.rand(())), float(np.random.random()), random.random()  # noqa: NPY002


def test_the_same_seed_gives_the_same_numbers() -> None:
    found = []
    for seed in (1, 1, 2):
        with seeded(seed):
            found.append(drawn())
    assert found[0] == found[1] and all(a != b for a, b in zip(found[1], found[2], strict=True))


def test_the_callers_numbers_go_on_where_they_were() -> None:
    with seeded(5):
        expected = [drawn(), drawn()]
    with seeded(5):
        found = [drawn()]
        with seeded(9):
            drawn()
        found.append(drawn())
    assert found == expected


def test_they_go_on_after_an_error_too() -> None:
    with seeded(5):
        expected = drawn()
    with seeded(5):
        with pytest.raises(KeyError), seeded(9):
            drawn()
            raise KeyError
        assert drawn() == expected


def test_the_stream_of_a_seed_is_that_of_pyro() -> None:
    """However it is set: fits of earlier versions keep their numbers."""

    with seeded(7):
        ours = drawn()
    with seeded(0):  # restores what set_rng_seed changes
        pyro.set_rng_seed(7)
        assert drawn() == ours
