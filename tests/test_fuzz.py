"""Whatever comes in, only the library's own errors come out.

A few hundred cases a surface in every run; ``BAYES_MTL_FUZZ=2000`` makes it 2,000 a surface, 10,000 in all.
"""

import os
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import BayesMTLError
from bayes_mtl.distributions import from_newick
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_posterior

CASES = int(os.environ.get("BAYES_MTL_FUZZ", "30"))
pytestmark = pytest.mark.usefixtures("unchecked")
fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)

HOSTILE = [
    "",
    " ",
    "a",
    "y",
    "t",
    "=1+1",
    "$x^2$",
    "a\x00b",
    "\x1b[31m",
    "<b>",
    "naïve",
    "日本",
    "x" * 5000,
    "(",
    "a:b",
]
HOSTILE += [
    "C(a)",
    "1",
    "Intercept",
    "I(a**9)",
    "'",
    '"',
    "{x}",
    "%s",
    "../..",
    "\n",
    "a,b",
    "‮abc",
    "nan",
    "None",
    "`",
]
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8))
numbers = st.one_of(
    st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf, 1e308, -1e-308, 1e30])
)
junk: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    numbers,
    names,
    st.just(()),
    st.just({}),
    st.binary(max_size=3),
)
small = st.integers(0, 5)


def arrays(*shape: int, draw: Callable[..., Any]) -> Any:
    """An array, mostly of numbers, or something that is none."""
    size = int(np.prod(shape))
    kind = draw(st.sampled_from(["float"] * 6 + ["int", "bool", "object", "text", "complex", "list"]))
    if kind == "float":
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)
    if kind == "object":
        values = np.empty(size, dtype=object)
        values[:] = draw(st.lists(junk, min_size=size, max_size=size))
        return values.reshape(shape)
    if kind == "text":
        return np.array(draw(st.lists(names, min_size=size, max_size=size)), dtype=object).reshape(shape)
    plain = np.arange(size).reshape(shape)
    if kind == "list":
        return plain.tolist()
    return plain.astype({"int": int, "bool": bool, "complex": complex}[kind])


def answered(call: Callable[[], Any]) -> Any:
    """What ``call`` returns; None where it raises an error of the library. All others come through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except BayesMTLError as error:
            assert str(error)
            return None


@st.composite
def trees(draw: Callable[..., Any]) -> str:
    """Text that is a tree, nearly one, or nothing of the kind."""
    kind = draw(st.sampled_from(["text", "soup", "tree", "deep"]))
    if kind == "text":
        return str(draw(st.text(max_size=30)))
    if kind == "soup":
        return str(draw(st.text("(),:;'[]ab1.e-+ \n", max_size=40)))
    if kind == "deep":
        depth = draw(st.sampled_from([50, 500, 5_000]))
        return "(" * depth + "a" + ",b)" * draw(st.sampled_from([depth, depth - 1])) + ";"
    lengths = st.sampled_from([":1", ":0", ":-1", ":1e400", ":nan", ":x", "", ":1:1"])
    leaves = st.sampled_from(["a", "b", "'a'", "c", "", "'it''s'"])
    tree = st.recursive(
        st.tuples(leaves, lengths).map("".join),
        lambda inner: st.tuples(st.lists(inner, min_size=1, max_size=3), lengths).map(
            lambda part: f"({','.join(part[0])}){part[1]}"
        ),
        max_leaves=6,
    )
    return str(draw(tree)) + draw(st.sampled_from([";", "", ";;", " "]))


@fuzzed
@given(text=trees(), tasks=st.lists(st.sampled_from(["a", "b", "c", "it's", ""]), max_size=3))
def test_newick(text: str, tasks: list[str]) -> None:
    answered(lambda: from_newick(text, tasks))


@st.composite
def frames(draw: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """A frame and arguments that name its columns, or do not."""
    rows = draw(small)
    columns = draw(st.lists(names, min_size=1, max_size=4))
    frame = pd.DataFrame(index=range(rows))
    frame = pd.concat(
        [pd.Series(list(arrays(rows, draw=draw)), dtype=object).infer_objects() for _ in columns], axis=1
    )
    frame.columns = columns
    if draw(st.booleans()):
        frame = frame.set_axis(draw(st.lists(names, min_size=len(frame), max_size=len(frame))))
    column = st.one_of(st.sampled_from(columns), names, junk)
    options: dict[str, Any] = {"task": draw(column)}
    if draw(st.booleans()):
        options |= {"y": draw(column), "x": draw(st.one_of(st.lists(column, max_size=3), junk))}
    else:
        terms = draw(
            st.lists(
                st.sampled_from([*columns, "a", "C(a)", "a:b", "1", "0", "-1", "(", "poly(a,2)", "."]),
                max_size=4,
            )
        )
        options["formula"] = draw(
            st.one_of(st.just(f"{draw(st.sampled_from(columns))} ~ {' + '.join(terms)}"), names)
        )
    for more in ("offset", "noise", "weight", "varying", "trials"):
        if draw(st.integers(0, 5)) == 0:
            options[more] = draw(column)
    return frame, options


@fuzzed
@given(case=frames())
def test_from_frame(case: tuple[Any, dict[str, Any]]) -> None:
    frame, options = case
    answered(lambda: TaskData.from_frame(frame, **options))


@st.composite
def tables(draw: Callable[..., Any]) -> tuple[Any, Any, dict[str, Any]]:
    rows, features, outputs = draw(small), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    x = (
        draw(st.one_of(st.just(None), junk))
        if draw(st.integers(0, 9)) == 0
        else arrays(rows, features, draw=draw)
    )
    y = (
        draw(junk)
        if draw(st.integers(0, 9)) == 0
        else arrays(draw(st.sampled_from([rows, rows, rows + 1])), outputs, draw=draw)
    )
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["feature_names"] = draw(
            st.one_of(st.lists(names, min_size=features, max_size=features), junk)
        )
    if draw(st.integers(0, 4)) == 0:
        options["varying"] = draw(st.one_of(st.lists(names, max_size=2), junk))
    return x, y, options


@fuzzed
@given(case=tables())
def test_from_outputs(case: tuple[Any, Any, dict[str, Any]]) -> None:
    x, y, options = case
    answered(lambda: TaskData.from_outputs(x, y, **options))


@st.composite
def sequences(draw: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Sequences of any lengths with targets of any kind, or something else in their place."""
    number, features = draw(small), draw(st.integers(0, 2))
    lengths = [draw(small) for _ in range(number)]
    x: Any = [arrays(steps, features, draw=draw) for steps in lengths]
    if draw(st.integers(0, 9)) == 0:
        x = draw(junk)
    options: dict[str, Any] = {}
    for kind in draw(st.lists(st.sampled_from(["per_sequence", "at_step", "per_step"]), unique=True)):
        given: dict[str, Any] = {}
        for name in draw(st.lists(names, max_size=2, unique=True)):
            if draw(st.integers(0, 7)) == 0:
                given[name] = draw(junk)
            elif kind == "per_sequence":
                given[name] = arrays(number, draw=draw)
            elif kind == "at_step":
                given[name] = (arrays(number, draw=draw), arrays(number, draw=draw))
            else:
                given[name] = [arrays(steps, draw=draw) for steps in lengths]
        options[kind] = draw(junk) if draw(st.integers(0, 9)) == 0 else given
    if draw(st.booleans()):
        options["missing"] = draw(st.sampled_from(["mask", "mask", "refuse", "", 3, None]))
    for more in ("labels", "static", "noise", "weight", "feature_names", "varying", "lengths"):
        if draw(st.integers(0, 9)) == 0:
            options[more] = draw(junk)
    return x, options


@fuzzed
@given(case=sequences())
def test_from_sequences(case: tuple[Any, dict[str, Any]]) -> None:
    x, options = case
    answered(lambda: TaskData.from_sequences(x, **options))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = TaskData.from_arrays(np.arange(12.0).reshape(6, 2), np.arange(6.0) % 4, list("aabbcc"))
    posterior = make_posterior(MultiTaskModel(Hierarchical(), Gaussian()), data)
    return posterior.save(tmp_path_factory.mktemp("fuzz") / "fit")


@fuzzed
@given(case=st.data())
def test_load(case: st.DataObject, saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    for _ in range(case.draw(st.integers(1, 4))):
        if not content:
            break
        at = case.draw(st.integers(0, header if case.draw(st.booleans()) else len(content) - 1))
        at = min(at, max(len(content) - 1, 0))
        kind = case.draw(st.sampled_from(["flip", "insert", "delete", "cut", "swap"]))
        if kind == "flip" and content:
            content[at] ^= 1 << case.draw(st.integers(0, 7))
        elif kind == "insert":
            content[at:at] = case.draw(st.binary(max_size=8))
        elif kind == "delete":
            del content[at : at + case.draw(st.integers(1, 8))]
        elif kind == "cut":
            del content[at:]
        else:  # a number or a word of the header by another one
            for old, new in case.draw(
                st.lists(
                    st.sampled_from(
                        [
                            (b"1", b"9"),
                            (b"null", b"true"),
                            (b'"', b"["),
                            (b"a", b"b"),
                            (b"F32", b"F64"),
                            (b"[", b"{"),
                            (b"0", b"-"),
                            (b"true", b"1e99"),
                        ]
                    ),
                    max_size=2,
                )
            ):
                content[at:] = content[at:].replace(old, new, 1)
    path = saved.with_name("changed")
    path.write_bytes(bytes(content))
    found = answered(lambda: load(path))
    if found is not None:
        answered(lambda: found.weights())
        repr(found)
