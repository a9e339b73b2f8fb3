"""The test run checks types and shapes of every call into the package."""

import jaxtyping
import pytest

from bayes_mtl._shapes import Dims
from tests._typechecker import check


def test_a_wrong_type_is_caught_in_the_package() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="tasks"):
        Dims(tasks="three", features=1)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked")
def test_the_fixture_switches_it_off() -> None:
    assert Dims(tasks="three", features=1).tasks == "three"  # type: ignore[arg-type,comparison-overlap]


def test_an_int_passes_for_a_float() -> None:
    def half(number: float) -> float:
        return number / 2

    assert check(half)(3) == 1.5
