"""Tests of many alike things, of which a part runs each time."""

import os
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

ALL = os.environ.get("BAYES_MTL_SLOW") == "1"


def crossed(*lists: Iterable[Any], every: int = 3) -> list[Any]:
    """Parameters of all combinations, of which one in ``every`` runs unless BAYES_MTL_SLOW=1.

    Which ones depends on the sum of their members' places, as in a Latin square: with two lists or more,
    every member has its turn.
    """
    left = pytest.mark.skip(reason=f"one in {every} runs; BAYES_MTL_SLOW=1 runs all")
    found = []
    for chosen in product(*(list(enumerate(members)) for members in lists)):
        now = ALL or sum(place for place, _ in chosen) % every == 0
        found.append(pytest.param(*(value for _, value in chosen), marks=() if now else (left,)))
    return found
