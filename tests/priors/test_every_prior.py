"""What holds for each prior."""

from dataclasses import FrozenInstanceError, fields

import pytest

from bayes_mtl import priors
from bayes_mtl.priors import AbstractTaskPrior
from bayes_mtl.testing import check_prior
from tests.priors.cases import PRIORS

EVERY = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


@EVERY
def test_it_keeps_its_contract(prior: AbstractTaskPrior) -> None:
    check_prior(prior)


@EVERY
def test_its_settings_are_frozen(prior: AbstractTaskPrior) -> None:
    for field in fields(prior):  # type: ignore[arg-type]
        with pytest.raises(FrozenInstanceError):
            setattr(prior, field.name, 1)


def test_every_public_prior_is_among_the_cases() -> None:
    parts = {name for name in priors.__all__ if isinstance(getattr(priors, name), type)}
    concrete = {
        name
        for name in parts
        if issubclass(getattr(priors, name), AbstractTaskPrior) and not name.startswith("Abstract")
    }
    assert concrete == {type(prior).__name__ for prior in PRIORS.values()}
