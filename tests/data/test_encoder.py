"""Formulas: what they encode, and that new rows are encoded the same way."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import BSpline

from bayes_mtl import _errors
from bayes_mtl.data import Schema, TaskData


def table(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "y": rng.normal(size=rows),
            "t": np.arange(rows) % 2,
            "a": rng.normal(size=rows),
            "b": rng.uniform(1, 9, rows),
            "g": np.array(["lo", "mid", "hi", "mid"])[np.arange(rows) % 4],
            "year": np.array([2001, 2003, 2002])[np.arange(rows) % 3],
            "my col": rng.normal(size=rows),
        }
    )


def encode(formula: str, frame: pd.DataFrame) -> tuple[TaskData, pd.DataFrame]:
    data = TaskData.from_frame(frame, formula=f"y ~ {formula}", task="t")
    return data, frame.loc[data.index]


def test_categories_and_interactions_are_treatment_coded() -> None:
    frame = table()
    data, f = encode("a + C(g) + a:C(g)", frame)
    lo, mid = (f["g"] == "lo").to_numpy(float), (f["g"] == "mid").to_numpy(float)
    a = f["a"].to_numpy()
    assert data.schema.features == ("a", "C(g)[T.lo]", "C(g)[T.mid]", "a:C(g)[T.lo]", "a:C(g)[T.mid]")
    np.testing.assert_array_equal(data.x, np.stack([a, lo, mid, a * lo, a * mid], 1))


def test_without_an_intercept_a_category_keeps_all_levels() -> None:
    data, f = encode("0 + g", table())
    assert not data.schema.intercept
    np.testing.assert_array_equal(data.x, np.stack([f["g"] == level for level in ("hi", "lo", "mid")], 1))


def test_ordered_categories_keep_their_order() -> None:
    frame = table().assign(g=lambda f: pd.Categorical(f["g"], ["mid", "lo", "hi", "never"], ordered=True))
    data, f = encode("g", frame)
    assert data.schema.features == ("g[T.lo]", "g[T.hi]")
    np.testing.assert_array_equal(data.x[:, 0], f["g"] == "lo")


def test_splines_are_de_boors() -> None:
    data, f = encode("bs(b, df=5)", table())
    low, high = f["b"].min(), f["b"].max()
    inner = np.quantile(f["b"], [1 / 3, 2 / 3])
    knots = np.r_[[low] * 4, inner, [high] * 4]
    basis = BSpline.design_matrix(f["b"].to_numpy(), knots, 3).toarray()[:, 1:]
    np.testing.assert_allclose(data.x, basis, atol=1e-12)  # float64 recursions of degree 3


def test_polynomials_are_orthonormal_and_span_the_powers() -> None:
    data, f = encode("poly(b, 3)", table())
    np.testing.assert_allclose(data.x.T @ data.x, np.eye(3), atol=1e-10)  # rounding of 40 terms
    powers = np.stack([f["b"].to_numpy() ** k for k in range(4)], 1)
    fitted = powers @ np.linalg.lstsq(powers, data.x, rcond=None)[0]
    np.testing.assert_allclose(fitted, data.x, atol=1e-8)  # condition of cubic powers on [1, 9]


def test_arithmetic_and_functions() -> None:
    data, f = encode("np.log(b) + sqrt(b) + I(a**2) + {a / b} + scale(a) + maximum(a, 0) + `my col`", table())
    a, b = f["a"].to_numpy(), f["b"].to_numpy()
    expected = np.stack(
        [np.log(b), np.sqrt(b), a**2, a / b, (a - a.mean()) / a.std(ddof=1), np.maximum(a, 0), f["my col"]], 1
    )
    np.testing.assert_allclose(data.x, expected, rtol=1e-12)  # float64


RICH = "a*C(g) + bs(b, df=4) + C(year) + poly(`my col`, 2) + cc(b, df=3) + cr(b, df=3, constraints='center')"


def test_new_rows_are_encoded_like_the_fitted_ones_also_through_json() -> None:
    frame = table()
    data, _ = encode(RICH, frame)
    rebuilt = Schema.from_dict(json.loads(json.dumps(data.schema.to_dict())))
    assert rebuilt == data.schema
    few = frame.iloc[[5, 1, 5]]
    where = [list(data.index).index(i) for i in (5, 1, 5)]
    np.testing.assert_array_equal(rebuilt.encode(few), data.x[where])
    np.testing.assert_array_equal(rebuilt.encode(few.to_dict("list")), data.x[where])


def test_intervals_of_a_cut_survive() -> None:
    frame = table().assign(band=lambda f: pd.cut(f["b"], [0, 3, 6, 10]))
    data, _ = encode("band", frame)
    rebuilt = Schema.from_dict(json.loads(json.dumps(data.schema.to_dict())))
    np.testing.assert_array_equal(
        rebuilt.encode(frame.head(3)), data.x[[list(data.index).index(i) for i in range(3)]]
    )
    assert data.schema.features == ("band[T.(3, 6]]", "band[T.(6, 10]]")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"g": "new"}, "column 'g': expected one of 'hi', 'lo', 'mid', found 'new'"),
        ({"g": "midd"}, "Did you mean 'mid'?"),
        ({"year": 1999}, "column 'year': expected one of '2001', '2002', '2003', found '1999'"),
        ({"b": 99.0}, "extrapolation='extend'"),
        ({"a": np.nan}, "no missing values in 'a', found 40 of them (rows 0, 1, 2, 3, 4, ...)"),
        ({"g": 1.5}, "expected categories in 'g', found numbers"),
        ({"a": "x"}, "expected numbers in 'a', found categories"),
    ],
)
def test_new_rows_that_cannot_be_encoded(change: dict[str, object], text: str) -> None:
    frame = table()
    data, _ = encode(RICH, frame)
    with pytest.raises(_errors.BayesMTLError) as caught:
        data.schema.encode(frame.assign(**change))
    assert text in str(caught.value)


def test_a_new_value_of_an_expression_is_refused() -> None:
    frame = table()
    data, _ = encode("C(floor(b / 5))", frame)
    with pytest.raises(_errors.InputError, match="categories among the levels it knows, found "):
        data.schema.encode(frame.assign(b=frame["b"] + 50))


def test_a_new_value_of_a_quoted_column_is_refused() -> None:
    frame = table().assign(**{"my col": np.arange(40) % 3})
    data, _ = encode("C(`my col`)", frame)
    assert data.x.shape == (40, 2)
    with pytest.raises(_errors.InputError, match="column 'my col': expected one of '0', '1', '2', found '5'"):
        data.schema.encode(frame.assign(**{"my col": 5}))


def test_numbers_become_integers_and_back() -> None:
    frame = table()
    data, _ = encode("C(year)", frame)
    floats = data.schema.encode(frame.assign(year=frame["year"].astype(float)))
    np.testing.assert_array_equal(floats, data.schema.encode(frame))
