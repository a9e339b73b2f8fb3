"""Every public name is described (arguments, shapes, errors, source), tested, and where it draws, shown."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bayes_mtl
from bayes_mtl import plots
from docs import gallery

ROOT = Path(__file__).resolve().parent
# What the code of the tests names; comments and strings do not count.
WORDS = {
    node.id if isinstance(node, ast.Name) else node.attr
    for path in ROOT.rglob("*.py")
    if path != Path(__file__).resolve()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Name | ast.Attribute)
}
# Names that no test calls by name: what is tested by name, and makes or uses them all the time.
THROUGH = {
    "bayes_mtl.data.AbstractTaskData": "TaskData",
    "bayes_mtl.datasets.PairTruth": "correlated_pair",
    "bayes_mtl.diagnostics.MixtureNetwork": "expert_use",
    "bayes_mtl.diagnostics.Transfer": "transfer",
    "bayes_mtl.distributions.Forest": "Trees",
    "bayes_mtl.distributions.Upward": "TreeMessages",
    "bayes_mtl.distributions.added": "TreeMessages",
    "bayes_mtl.distributions.marginals": "TreeMessages",
    "bayes_mtl.distributions.push": "TreeMessages",
    "bayes_mtl.distributions.upward": "TreeMessages",
    "bayes_mtl.model.TASK_PLATES": "AutoTaskBlocks",
    "bayes_mtl.model.classes_seen": "Categorical",
    "bayes_mtl.model.task_scale": "SVI",
    "bayes_mtl.networks.AbstractStochasticNetwork": "RelatedFeatures",
    "bayes_mtl.posterior.Prediction": "predict",
    "bayes_mtl.posterior.Relatedness": "relatedness",
    "bayes_mtl.posterior.SupportTree": "consensus_tree",
    "bayes_mtl.priors.Diffusion": "LatentHierarchy",
    "bayes_mtl.priors.Estimates": "SVI",
}
# Names that are no method of the literature: containers, plumbing, and what is the library's own.
OWN = {
    "diagnostics": "Finding MixtureNetwork Report Transfer check expert_use gate_importance inclusion "
    "metrics transfer Calibration Diversity LeaveOneOut SimulationBasedCalibration gate_entropy",
    "distributions": "Forest TaskMixture Upward WeightMixture added clades from_linkage from_newick "
    "lca_times marginals push to_newick upward",
    "inference": "AutoTaskBlocks Evaluation InverseSize Memory NetworkTraining Plateau StaticWeights Tasks "
    "Validation fit",
    "likelihoods": "",
    "networks": "Frozen Lifted SelectedExperts TrainingFeatures experts lift",
    "priors": "Diffusion Estimates Independent Moments Pooled at_draws",
}
YEAR = re.compile(r"\b(19|20)\d\d\b")
SHAPE = re.compile(r"\[|shape|broadcast")
PACKAGES = [m.name for m in pkgutil.iter_modules(bayes_mtl.__path__, "bayes_mtl.") if m.ispkg]
PUBLIC = {
    f"{package}.{name}": getattr(importlib.import_module(package), name)
    for package in PACKAGES
    for name in importlib.import_module(package).__all__
}


def undescribed(function: Any) -> list[str]:
    """Arguments that a docstring names nowhere."""
    text = inspect.getdoc(function) or ""
    names = [n for n in inspect.signature(function).parameters if n not in ("self", "cls") and n[0] != "_"]
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_there_is_something_to_check() -> None:
    assert len(PUBLIC) > 150 and len(PACKAGES) >= 12


@pytest.mark.parametrize("name", [n for n, thing in PUBLIC.items() if inspect.isfunction(thing)])
def test_functions_describe_their_arguments(name: str) -> None:
    assert len(inspect.getdoc(PUBLIC[name]) or "") > 20
    text = inspect.getdoc(PUBLIC[name]) or ""
    if "Parameters\n---" in text:
        assert not undescribed(PUBLIC[name])


def test_every_public_name_is_tested() -> None:
    unnamed = {name for name in PUBLIC if name.rpartition(".")[2] not in WORDS}
    assert not unnamed - THROUGH.keys(), "Write a test that uses them."
    assert not THROUGH.keys() - unnamed, "A test names them by now: take them off the list."
    assert set(THROUGH.values()) <= WORDS


def described() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Public functions, and methods that no base class has, each with the text that describes it."""
    for name, thing in PUBLIC.items():
        if inspect.isfunction(thing):
            yield name, thing, inspect.getdoc(thing) or ""
        elif inspect.isclass(thing):
            for method, found in vars(thing).items():
                function = getattr(found, "__func__", found)
                inherited = any(hasattr(base, method) for base in thing.__mro__[1:])
                if inspect.isfunction(function) and method[0] != "_" and not inherited:
                    yield f"{name}.{method}", function, inspect.getdoc(function) or ""
            if thing.__doc__ and inspect.isfunction(thing.__init__) and "Parameters\n---" in thing.__doc__:
                yield name, thing.__init__, inspect.getdoc(thing) or ""


METHODS = list(described())


def raised(function: Callable[..., Any]) -> set[str]:
    """Errors that a function itself raises."""
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(body) if isinstance(node, ast.Raise)]
    return {
        call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    } - {"StopIteration"}


def arrays(function: Callable[..., Any]) -> list[str]:
    """Arguments that are tensors or arrays whose annotation does not say their shape."""
    named = inspect.signature(function).parameters.items()
    kinds = {name: str(argument.annotation) for name, argument in named}
    return [
        name
        for name, kind in kinds.items()
        if re.search(r"\b(Tensor|ndarray)\b", kind)
        and not re.search(r"jaxtyping|Mapping|Callable|dict|Sequence|Float\[|Int\[|Bool\[", kind)
    ]


def test_every_public_class_and_function_has_a_docstring() -> None:
    kinds = {n: t for n, t in PUBLIC.items() if inspect.isclass(t) or inspect.isfunction(t)}
    assert not [name for name, thing in kinds.items() if len(inspect.getdoc(thing) or "") < 20]
    assert len(METHODS) > 200


def test_methods_describe_their_arguments() -> None:
    unnamed = {
        name: lacking
        for name, function, text in METHODS
        if "Parameters\n---" in text
        for lacking in [
            argument
            for argument in inspect.signature(function).parameters
            if argument not in ("self", "cls")
            and argument[0] != "_"
            and not re.search(rf"\b{argument}\b", text)
        ]
    }
    assert not unnamed, "Describe them."


def test_errors_are_described() -> None:
    silent = {
        name: lacking
        for name, function, text in METHODS
        if function.__name__ != "__init__"
        and (lacking := [error for error in raised(function) if error not in text])
    }
    assert not silent, "Write a section 'Raises'."


def test_shapes_are_described() -> None:
    shapeless = {name: a for name, f, text in METHODS if (a := arrays(f)) and not SHAPE.search(text)}
    assert not shapeless, "Say the shapes, as in ``[tasks, features]``."


def test_methods_of_the_literature_name_their_source() -> None:
    without, owned = (
        set(),
        {f"bayes_mtl.{package}.{n}" for package, names in OWN.items() for n in names.split()},
    )
    for name, thing in PUBLIC.items():
        concrete = inspect.isfunction(thing) or (inspect.isclass(thing) and not inspect.isabstract(thing))
        if name.split(".")[1] in OWN and concrete:
            text = f"{inspect.getdoc(thing)} {sys.modules[thing.__module__].__doc__}"
            if not YEAR.search(text):
                without.add(name)
    assert not without - owned, "Name paper and year."
    assert owned <= PUBLIC.keys()


def test_every_plot_is_in_the_gallery_as_its_lines_draw_it() -> None:
    from PIL import Image

    shown = {name: lines for name, lines in gallery.blocks() if name is not None}
    assert shown.keys() == set(plots.__all__)
    page = gallery.PAGE.read_text(encoding="utf-8")
    for name, lines in shown.items():
        picture = gallery.FOLDER / f"{name}.png"
        assert f"](gallery/{name}.png)" in page
        with Image.open(picture) as image:
            assert image.width > 400
            assert image.text["Source"] == lines, "Run: make gallery"  # type: ignore[attr-defined]
