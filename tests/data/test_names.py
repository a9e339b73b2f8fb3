"""Names in messages."""

import numpy as np
import pytest

from bayes_mtl.data._names import label_text, listed, positions, repeated, suggestion


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("a", "a"),
        (3, "3"),
        (3.0, "3"),
        (np.float64(3.0), "3"),
        (np.int64(3), "3"),
        (3.5, "3.5"),
        (True, "True"),
        (float("inf"), "inf"),
        (np.str_("a"), "a"),
    ],
)
def test_labels_as_text(label: object, text: str) -> None:
    assert label_text(label) == text


def test_lists_are_shortened() -> None:
    assert listed([]) == "none"
    assert listed(["a", 2]) == "'a', '2'"
    assert listed(range(12)) == "'0', '1', '2', '3', '4', ... (12 in all)"


def test_near_names_are_suggested() -> None:
    assert suggestion("intkae", ["age", "intake"]) == "Did you mean 'intake'? "
    assert suggestion("zzz", ["age", "intake"]) == ""


def test_positions_of_a_mask() -> None:
    assert positions(np.array([True, False, True])) == "2 of them (rows 0, 2)"
    assert positions(np.ones(9, dtype=bool)) == "9 of them (rows 0, 1, 2, 3, 4, ...)"


def test_repeated_names() -> None:
    assert repeated(["a", "b", "a", "c", "b", "a"]) == ["a", "b"]
