"""Tests of many alike things, of which a part runs each time and every one has its turn."""

import os
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

ALL = os.environ.get("BAYES_MTL_SLOW") == "1"
TURN = int(os.environ.get("BAYES_MTL_TURN", "0"))


def crossed(*lists: Iterable[Any], every: int = 3) -> list[Any]:
    """Parameters of all combinations, of which one in ``every`` runs unless BAYES_MTL_SLOW=1.

    Which ones depends on the sum of their members' places, as in a Latin square, so that a member is in every
    run if another list has ``every`` members or more; and on BAYES_MTL_TURN, so that ``every`` turns in a row
    run all.
    """
    found = []
    for chosen in product(*(list(enumerate(members)) for members in lists)):
        turn = sum(place for place, _ in chosen) % every
        reason = f"runs where BAYES_MTL_TURN modulo {every} is {turn}; BAYES_MTL_SLOW=1 runs all"
        marks = () if ALL or TURN % every == turn else (pytest.mark.skip(reason=reason),)
        found.append(pytest.param(*(value for _, value in chosen), marks=marks))
    return found
