"""Files that are foreign, cut short or tampered with: one clear error, and nothing is ever executed."""

import ast
import builtins
import copy
import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bayes_mtl import MultiTaskModel, TaskData, load
from bayes_mtl._errors import FileError
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import TaskClustering
from tests.posterior.examples import make_posterior

# As users run it: without the test run's own checks of types.
pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that has every part a file can have."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=24), "b": random.normal(size=24), "t": np.arange(24) % 3})
    frame["kind"], frame["y"] = np.resize(["u", "v"], 24), random.normal(size=24)
    features = pd.DataFrame({"size": [1.0, 2.0, 4.0]}, index=["0", "1", "2"])
    data = TaskData.from_frame(
        frame,
        formula="y ~ a + C(kind) + center(b)",
        task="t",
        varying=["a", "center(b)"],
        task_features=features,
    )
    prior = TaskClustering(2, weights_prior="gate")
    width = len(data.schema.features)
    posterior = make_posterior(MultiTaskModel(prior, Gaussian(), MLP(width, (3,))), data)
    return posterior.save(tmp_path_factory.mktemp("saved") / "fit")


def test_it_is_whole(saved: Path) -> None:
    assert load(saved).number == 8


def test_a_file_cut_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    edges = [0, 1, 7, 8, 9, header - 1, header, header + 1, len(content) - 1]
    for cut in sorted({*edges, *np.linspace(0, len(content) - 1, 60).astype(int).tolist()}):
        path = tmp_path / "cut"
        path.write_bytes(content[:cut])
        with pytest.raises(FileError, match="cut"):
            load(path)


def test_flipped_bytes_are_refused_or_harmless(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, header, 200):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(0, 8))
        path = tmp_path / "flipped"
        path.write_bytes(bytes(damaged))
        try:
            load(path)
        except FileError:
            refused += 1
    # the rest changed a name or a digit
    assert refused > 80


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", pickle.dumps({"a": 1}), random.Random(0).randbytes(64), b"\x00" * 100, b"\xff" * 9],
    ids=["empty", "text", "pickle", "noise", "zeros", "ones"],
)
def test_foreign_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(FileError, match="foreign"):
        load(path)


def test_other_safetensors_and_folders_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    save_file({"a": torch.ones(2)}, path)
    with pytest.raises(FileError, match="was not written by bayes_mtl"):
        load(path)
    with pytest.raises(FileError, match="No file"):
        load(tmp_path)
    with pytest.raises(FileError, match="No file"):
        load(tmp_path / "absent")


def rewrite(
    source: Path, target: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], Any]
) -> Path:
    """Copy a file, its JSON and its tensors changed."""
    with safe_open(str(source), framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        content = json.loads(file.metadata()["bayes_mtl"])
    change(content, tensors)
    save_file(tensors, target, metadata={"bayes_mtl": json.dumps(content)})
    return target


def put(*path: Any, value: Any) -> Callable[[dict[str, Any], dict[str, torch.Tensor]], None]:
    def change(content: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        at: Any = content["meta"]
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def tensor(name: str, value: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    def change(content: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = value(tensors[name]).contiguous()

    return change


HOSTILE = "__import__('os').system('touch hacked')"
TAMPERED = {
    "unknown prior": put("prior", "part", value="priors.Evil"),
    "a function as prior": put("prior", "part", value="priors.at_draws"),
    "abstract prior": put("prior", "part", value="priors.AbstractTaskPrior"),
    "other package": put("prior", "part", value="os.system"),
    "prior without a dot": put("prior", "part", value="Hierarchical"),
    "likelihood as prior": put("prior", value={"part": "likelihoods.Gaussian", "settings": {}}),
    "prior is text": put("prior", value="TaskClustering"),
    "prior is a list": put("prior", value=["TaskClustering"]),
    "prior is empty": put("prior", value={}),
    "prior is None": put("prior", value=None),
    "unknown setting": put("prior", "settings", "evil", value=1),
    "wrong setting": put("prior", "settings", "clusters", value=-3),
    "setting of a wrong kind": put("prior", "settings", "clusters", value="many"),
    "unknown distribution": put(
        "prior", "settings", "mean", value={"distribution": "Evil", "parameters": {}}
    ),
    "wrong parameters": put(
        "prior", "settings", "mean", value={"distribution": "Normal", "parameters": {"evil": 1.0}}
    ),
    "impossible parameters": put(
        "prior",
        "settings",
        "scale",
        value={"distribution": "HalfNormal", "parameters": {"scale": {"tensor": -1.0, "dtype": "float32"}}},
    ),
    "unknown dtype": put("prior", "settings", "mean", value={"tensor": [1.0], "dtype": "load"}),
    "unknown activation": put("network", "settings", "activation", value={"activation": "Module"}),
    "huge network": put("network", "settings", "in_features", value=10**10),
    "very huge network": put("network", "settings", "in_features", value=10**30),
    "other network": put("network", "settings", "hidden", value={"tuple": [5]}),
    "no network": put("network", value=None),
    "hostile formula": put("schema", "encoder", "formula", value=HOSTILE),
    "hostile call in a formula": put("schema", "encoder", "formula", value=f"a + I({HOSTILE})"),
    "formula is a number": put("schema", "encoder", "formula", value=3),
    "encoder is text": put("schema", "encoder", value="a"),
    "a task twice": put("schema", "tasks", value=["0", "0", "1"]),
    "a task less": put("schema", "tasks", value=["0", "1"]),
    "tasks are numbers": put("schema", "tasks", value=[0, 1, 2]),
    "a feature more": put("schema", "features", value=["a", "b", "c", "d"]),
    "other intercept": put("schema", "intercept", value=False),
    "scaling of other length": put("scaling", "x_mean", value=[0.0]),
    "scaling is text": put("scaling", "x_sd", value="a"),
    "scale of 0": put("scaling", "x_sd", value=[0.0, 1.0, 1.0]),
    "spread of other shape": put("scaling", "shape", value=[1, 3]),
    "kinds without a task": put("kinds", value=[["", [0, 1]]]),
    "kinds with a task twice": put("kinds", value=[["", [0, 1, 1]]]),
    "kinds as numbers": put("kinds", value=[1, 2]),
    "kinds with text": put("kinds", value=[["", ["0", "1", "2"]]]),
    "too many outputs": put("used_outputs", value=[10**9] * 3),
    "outputs of too few tasks": put("used_outputs", value=[1]),
    "record without a method": lambda content, tensors: content["meta"]["record"].pop("method"),
    "record with more": put("record", "evil", value=1),
    "chains of text": put("record", "chains", value="4"),
    "chains that do not divide": put("record", "chains", value=3),
    "no chains": put("record", "chains", value=0),
    "settings of the record": put("record", "settings", value={"a": ["b"]}),
    "no prior": lambda content, tensors: content["meta"].pop("prior"),
    "no schema": lambda content, tensors: content["meta"].pop("schema"),
    "meta is a list": lambda content, tensors: content.update(meta=[1]),
    "version is text": lambda content, tensors: content.update(version="1"),
    "no version": lambda content, tensors: content.pop("version"),
    "other kind": lambda content, tensors: content.update(kind="checkpoint"),
    "no weights": lambda content, tensors: tensors.pop("draws/weights"),
    "no losses": lambda content, tensors: tensors.pop("losses"),
    "no task features": lambda content, tensors: tensors.pop("task_features"),
    "no layer": lambda content, tensors: tensors.pop("network/layers.0.weight"),
    "weights of fewer tasks": tensor("draws/weights", lambda value: value[:, :2]),
    "weights without outputs": tensor("draws/weights", lambda value: value[..., 0]),
    "weights as integers": tensor("draws/weights", lambda value: value.long()),
    "no draws": tensor("draws/weights", lambda value: value[:0]),
    "fewer draws of a site": tensor("draws/gate", lambda value: value[:3]),
    "a site without tasks": tensor("draws/gate", lambda value: value.flatten()),
    "other task features": tensor("task_features", lambda value: value[:, :0]),
    "other layer": tensor("network/layers.0.weight", lambda value: value[:2]),
    "weights of other draws": tensor("log_weights", lambda value: value[:2]),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_files_are_refused(name: str, saved: Path, tmp_path: Path) -> None:
    path = rewrite(saved, tmp_path / "tampered", TAMPERED[name])
    with pytest.raises(FileError, match="tampered") as caught:
        load(path)
    assert len(str(caught.value)) < 1000
    assert not Path("hacked").exists()


def test_a_newer_version_says_so(saved: Path, tmp_path: Path) -> None:
    path = rewrite(saved, tmp_path / "new", lambda content, tensors: content.update(version=99))
    with pytest.raises(FileError, match=r"format version 99.*Install a newer"):
        load(path)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{" * 100_000, "9" * 5000, '{"kind": ', "null", "[]", "3"],
    ids=["lists", "mappings", "digits", "cut", "null", "list", "number"],
)
def test_strange_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "strange"
    save_file({"a": torch.ones(1)}, path, metadata={"bayes_mtl": text})
    with pytest.raises(FileError, match="strange"):
        load(path)


def test_every_field_may_be_damaged(saved: Path, tmp_path: Path) -> None:
    """Each value of the JSON replaced by values of other kinds: refused, or read; never another error."""
    with safe_open(str(saved), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content = json.loads(file.metadata()["bayes_mtl"])
    path, refused, places = tmp_path / "field", 0, list(leaves(content["meta"]))
    assert len(places) > 80
    values = (None, -1, "text", [], {}, [[1]], {"foreign": "a"})
    for i, place in enumerate(places):
        for value in (values[i % 7], values[(i + 3) % 7]):
            damaged = copy.deepcopy(content)
            at = damaged["meta"]
            for key in place[:-1]:
                at = at[key]
            at[place[-1]] = value
            save_file(tensors, path, metadata={"bayes_mtl": json.dumps(damaged)})
            try:
                load(path)
            except FileError:
                refused += 1
    assert refused > 100


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Paths of all values in nested JSON, containers included."""
    if path:
        yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in entries:
        yield from leaves(item, (*path, key))


@pytest.mark.skipif(
    version("jaxtyping").startswith("0.2."),
    reason="its checks of types, on in tests alone, compile code in every call",
)
def test_reading_executes_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(saved).weights()  # whatever is imported lazily is imported now

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("something in the file was executed")

    for module, names in (
        (pickle, ("load", "loads", "Unpickler")),
        (torch, ("load",)),
        (np, ("load",)),
        (os, ("system", "popen")),
        (subprocess, ("Popen", "run")),
        (builtins, ("eval", "exec")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refuse)
    known, importer, compiler = set(sys.modules), builtins.__import__, builtins.compile

    def import_known(name: str, *arguments: Any, **options: Any) -> Any:
        relative = len(arguments) > 3 and arguments[3] > 0
        return importer(name, *arguments, **options) if relative or name in known else refuse()

    def parse(source: Any, filename: str, mode: str, flags: int = 0, **options: Any) -> Any:
        # formulas are parsed, so that what they name can be checked
        return compiler(source, filename, mode, flags, **options) if flags & ast.PyCF_ONLY_AST else refuse()

    monkeypatch.setattr(builtins, "__import__", import_known)
    monkeypatch.setattr(builtins, "compile", parse)
    try:
        found = load(saved)
    finally:
        monkeypatch.undo()
    assert found.weights().equals(expected)
