"""What a formula may evaluate. A saved file is not to be trusted."""

import json

import numpy as np
import pandas as pd
import pytest

from bayes_mtl._errors import BayesMTLError, FileError, InputError
from bayes_mtl.data import Schema, TaskData

FRAME = pd.DataFrame({"y": [1.0, 2.0, 3.0], "t": [0, 0, 1], "a": [1.0, 2.0, 4.0], "g": ["p", "q", "p"]})

EVIL = [
    "__import__('os').system('true')",
    "a + __import__('os')",
    "C(__import__('os').system('true'))",
    "I(exec('raise SystemExit'))",
    "I(eval('1'))",
    "I(open('x'))",
    "I(a.__class__)",
    "I(a.values.tofile('x'))",
    "I(np.load('x'))",
    "I(np.log.__class__)",
    "np.log(a, a)",
    "log(a, out=a)",
    "I((lambda: 1)())",
    "I([b for b in a])",
    "I(a[0])",
    "I(f'{a}')",
    "I(9**9**9**9)",
    "I((9**99)**99)",
    "I((9 + 0)**99)",
    "I(a ** a)",
    "C(g, {**{}})",
    "C(g, Treatment(open('x')))",
    "C(g, Treatment(reference=open('x')))",
    "I('x' * 10)",
    "C(g, contr.evil)",
    "C(g, a.sum)",
    "bs(a, _state={})",
    "bs(a, **{})",
    'bs(a, extrapolation=\'"] or __import__("os").system("true") or ["\')',
    "bs(a, extrapolation='\\\\\"] or __import__(1) or [\\\\\"')",
    "C(g, Treatment('p\\'))",
    "hashed(g)",
    "Q('a')",
    "lag(a)",
    "{__import__('os')}",
    "{a if a else a}",
    "{a := a}",
    "unknown(a)",
]


@pytest.mark.parametrize("formula", EVIL)
def test_new_formulas_may_not(formula: str) -> None:
    with pytest.raises(InputError):
        TaskData.from_frame(FRAME, y="y", task="t", formula=formula)


@pytest.mark.parametrize("formula", EVIL)
def test_saved_formulas_may_not(formula: str) -> None:
    saved = TaskData.from_frame(FRAME, y="y", task="t", formula="a").schema.to_dict()
    saved["encoder"]["formula"] = formula
    with pytest.raises(InputError):
        Schema.from_dict(json.loads(json.dumps(saved)))


def test_nothing_was_executed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sharpest of them, once more, with a trace it would leave."""
    ran: list[str] = []
    monkeypatch.setattr("os.system", ran.append)
    for formula in EVIL:
        with pytest.raises(InputError):
            TaskData.from_frame(FRAME, y="y", task="t", formula=formula)
    assert ran == []


@pytest.mark.parametrize(
    "formula",
    [
        "a",
        "C(g)",
        "g",
        "I(a ** 2)",
        "{a * 2 - 1}",
        "log(a)",
        "np.sqrt(a)",
        "C(g, Treatment('q'))",
        "C(g, contr.sum)",
        "C(a > 2)",
        "poly(a, degree=2)",
        "center(a)",
        "standardize(a)",
        "minimum(a, 3)",
        "bs(a, knots=[2.0])",
        "C(g, contr.treatment('q'))",
        "C(g, Treatment(reference='q'))",
        "C(g, {'p against q': [1, -1]})",
        "C(g, levels=['q', 'p'])",
        "cr(a, df=3, lower_bound=None)",
        "1",
        "a:C(g)",
        "a*g",
        "(a + g)**2",
        "-1 + a",
        "bs(a, df=4, extrapolation='extend')",
    ],
)
def test_formulas_may(formula: str) -> None:
    data = TaskData.from_frame(FRAME, y="y", task="t", formula=formula)
    again = Schema.from_dict(json.loads(json.dumps(data.schema.to_dict())))
    np.testing.assert_array_equal(again.encode(FRAME.loc[data.index]), data.x)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("y ~ intaek + a", "found 'intaek'"),
        ("y ~ aa", "Did you mean 'a'?"),
        ("y ~ a +", "insuffient arguments"),
        ("y ~ a ~ g", "one left and one right side"),
        ("y ~ a | g", "Name the groups by task='g'. Which weights vary"),
        ("y ~ .", "a formula like"),
        ("y ~ (a", "a formula like"),
        ("log(y) ~ a", "found 'log(y)'"),
        ("y ~ log(a - 1)", "NaN or infinity in feature 'log(a - 1)'"),
        ("y ~ C(g) + C(one)", "at least 2 levels, found one in 'C(one)'"),
        ("y ~ bs(a, df=1)", "`df` must be greater"),
        ("y ~ C(g, levels=['p'])", "categories among the levels it knows, found 'q'"),
        ("y ~ poly(g, 2)", "terms that can be evaluated"),
    ],
)
def test_formulas_that_cannot_be_read(formula: str, text: str) -> None:
    with pytest.raises(BayesMTLError) as caught:
        TaskData.from_frame(FRAME.assign(one="x"), task="t", formula=formula)
    assert text in str(caught.value)


@pytest.mark.parametrize("damage", ["names", "formula", "columns", "levels", "state"])
def test_damaged_encoders_are_refused(damage: str) -> None:
    saved = TaskData.from_frame(FRAME, y="y", task="t", formula="poly(a, 2)").schema.to_dict()
    del saved["encoder"][damage]
    with pytest.raises(FileError, match="what Encoder"):
        Schema.from_dict(saved)


@pytest.mark.parametrize(
    "formula", ["a + bs(`a b`)", "`a b` + bs(`a-b`)", "bs(`a b`) + bs(`a-b`)", "I(`1a`)"]
)
def test_columns_that_python_cannot_tell_apart(formula: str) -> None:
    """formulaic keeps the knots of ``bs(`a b`)`` and ``bs(`a-b`)`` in one place, named ``bs(a_b)``."""
    frame = FRAME.assign(**{"a b": [1.0, 2.0, 3.0], "a-b": [5.0, 2.0, 3.0], "1a": 0.0, "_1a": 1.0})
    frame = frame if "-" in formula and formula.count("`") == 4 else frame.assign(a_b=1.0)
    with pytest.raises(InputError, match="differ in letters and digits"):
        TaskData.from_frame(frame, y="y", task="t", formula=formula)


@pytest.mark.parametrize("state", [{"items": 3}, {"items": [[1]]}, {"other": 1}, {"array": "x"}])
def test_damaged_memories_are_refused(state: dict[str, object]) -> None:
    saved = TaskData.from_frame(FRAME, y="y", task="t", formula="poly(a, 2)").schema.to_dict()
    saved["encoder"]["state"] = state
    with pytest.raises(FileError, match="a saved state"):
        Schema.from_dict(saved).encode(FRAME)


def test_a_formula_that_was_exchanged_is_noticed() -> None:
    saved = TaskData.from_frame(FRAME, y="y", task="t", formula="log(a)").schema.to_dict()
    saved["encoder"]["formula"] = "exp(a)"
    with pytest.raises(InputError, match=r"columns that encode to 'log\(a\)', found 'exp\(a\)'"):
        Schema.from_dict(saved).encode(FRAME)
