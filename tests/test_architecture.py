"""The rules of the house that a machine can check, over every file of the package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bayes_mtl"
TREES = {
    path.relative_to(PACKAGE): ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}
INITS = {path: tree for path, tree in TREES.items() if path.name == "__init__.py"}
MODULES = {path: tree for path, tree in TREES.items() if path not in INITS}

MAX_LINES = 250
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "tools", "util", "utils"}
# Reading any of them can run code that somebody hid in the file.
UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "pyro.get_param_store().load", "torch.load", "torch.save"}
# What Python's own protocols ask a method to raise.
PROTOCOL = {"__getattr__": "AttributeError", "__next__": "StopIteration"}


def definitions(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef]:
    """Public classes and functions of a module."""
    found = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return [node for node in found if not node.name.startswith("_")]


def own_errors() -> set[str]:
    """Names of `BayesMTLError` and of what derives from it."""
    errors = {"BayesMTLError"}
    for node in TREES[Path("_errors.py")].body:
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) in errors for base in node.bases):
            errors.add(node.name)
    return errors


def raised(node: ast.AST, function: str = "", caught: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of what is raised, save what was caught before and what a protocol asks for."""
    for child in ast.iter_child_nodes(node):
        inner, names = function, caught
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = child.name
        elif isinstance(child, ast.ExceptHandler) and child.name:
            names = caught | {child.name}
        elif isinstance(child, ast.Raise) and child.exc is not None:
            name = ast.unparse(child.exc.func if isinstance(child.exc, ast.Call) else child.exc)
            if name not in caught and name != PROTOCOL.get(function):
                yield name.removeprefix("_errors.")
        yield from raised(child, inner, names)


def unsafe(tree: ast.Module) -> Iterator[str]:
    """Names of imports and calls that can execute what they read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        else:
            imported = []
        yield from (name for name in imported if name.split(".")[0] in UNSAFE_MODULES)
        if isinstance(node, ast.Call):
            yield from {ast.unparse(node.func)} & UNSAFE_CALLS
            pickles = [ast.unparse(word.value) for word in node.keywords if word.arg == "allow_pickle"]
            yield from (f"allow_pickle={value}" for value in pickles if value != "False")


def exports(tree: ast.Module) -> tuple[list[str], set[str]]:
    """``__all__``, and every public name that the module binds at its top."""
    listed: list[str] = []
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            listed = ast.literal_eval(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= {ast.unparse(target) for target in targets}
    return listed, {name for name in bound if not name.startswith("_")}


def assert_none(offences: list[str], remedy: str) -> None:
    assert not offences, "\n  ".join([remedy, *offences])


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 20
    assert {"BayesMTLError", "InputError", "NumericalError"} <= own_errors()


def test_files_are_small() -> None:
    lines = {path: len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) for path in TREES}
    offences = [f"{path}: {count} lines" for path, count in lines.items() if count > MAX_LINES]
    assert_none(offences, f"At most {MAX_LINES} lines; split at a second thought:")


def test_names_say_what_is_inside() -> None:
    offences = [str(p) for p in TREES if {part.strip("_") for part in p.with_suffix("").parts} & VAGUE_NAMES]
    assert_none(offences, "Name a module after what it does:")


def test_modules_inside_packages_are_private() -> None:
    offences = [str(p) for p in MODULES if len(p.parts) > 1 and not p.name.startswith("_")]
    assert_none(offences, "A leading underscore, and export from the package's __init__:")


def test_one_public_class_a_module() -> None:
    offences = []
    for path, tree in MODULES.items():
        classes = [node.name for node in definitions(tree) if isinstance(node, ast.ClassDef)]
        if len(classes) > 1 and path != Path("_errors.py"):
            offences.append(f"{path}: {', '.join(classes)}")
    assert_none(offences, "Give each public class its own file:")


def test_modules_and_public_definitions_have_docstrings() -> None:
    offences = [str(path) for path, tree in TREES.items() if not ast.get_docstring(tree)]
    for path, tree in TREES.items():
        offences += [f"{path}: {node.name}" for node in definitions(tree) if not ast.get_docstring(node)]
    assert_none(offences, "Say what it is:")


def test_packages_export_exactly_what_they_import() -> None:
    """The order of ``__all__`` is ruff's business (RUF022)."""
    offences = []
    for path, tree in INITS.items():
        listed, bound = exports(tree)
        if len(listed) != len(set(listed)):
            offences.append(f"{path}: a name twice")
        difference = bound ^ {name for name in listed if not name.startswith("_")}
        if difference:
            offences.append(f"{path}: {', '.join(sorted(difference))}")
    assert_none(offences, "Public names and __all__ differ by:")


def test_no_assert() -> None:
    offences = [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    ]
    assert_none(offences, "python -O drops an assert; raise one of _errors:")


def test_no_bare_except() -> None:
    offences = [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert_none(offences, "Name what is expected:")


def test_errors_are_our_own() -> None:
    allowed = own_errors() | {"KeyboardInterrupt"}  # of the user, where a library has swallowed it
    offences = [
        f"{path}: {name}" for path, tree in TREES.items() for name in raised(tree) if name not in allowed
    ]
    assert_none(offences, f"Raise one of {', '.join(sorted(allowed))}:")


def test_nothing_read_can_execute() -> None:
    offences = [f"{path}: {name}" for path, tree in TREES.items() for name in unsafe(tree)]
    assert_none(offences, "These can run code from a file or a text:")


def test_imports_are_absolute_and_none_is_from_the_top() -> None:
    """``bayes_mtl/__init__.py`` is the highest layer; the contract on layers leaves it out."""
    modules = {path.parts[0].removesuffix(".py") for path in TREES} - {"__init__"}
    offences = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (
                node.level
                or (node.module == "bayes_mtl" and not {alias.name for alias in node.names} <= modules)
            ):
                offences.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert_none(offences, "Import from the package that holds the name:")


def test_imports_run_one_way() -> None:
    """The contract is in pyproject.toml."""
    command = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise ValueError('x')", ["ValueError"]),
        ("raise InputError", ["InputError"]),
        ("try: ...\nexcept OSError as error: raise error", []),
        ("try: ...\nexcept OSError as error: raise KeyError from error", ["KeyError"]),
        ("try: ...\nexcept OSError: raise", []),
        ("def __getattr__(name): raise AttributeError(name)", []),
        ("def other(name): raise AttributeError(name)", ["AttributeError"]),
    ],
)
def test_the_check_of_errors_sees_them(source: str, found: list[str]) -> None:
    assert list(raised(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["pickle"]),
        ("def f():\n    from joblib.externals import cloudpickle", ["joblib.externals"]),
        ("torch.load(path)", ["torch.load"]),
        ("np.load(path, allow_pickle=True)", ["allow_pickle=True"]),
        ("np.load(path, allow_pickle=False)", []),
        ("import json; json.load(file)", []),
    ],
)
def test_the_check_of_files_sees_them(source: str, found: list[str]) -> None:
    assert list(unsafe(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "listed", "bound"),
    [
        ("from a import B, _c\n__all__ = ['B']", ["B"], {"B"}),
        ("from a import B as D\nX: int = 1\n__version__ = '1'", [], {"D", "X"}),
    ],
)
def test_the_check_of_exports_sees_them(source: str, listed: list[str], bound: set[str]) -> None:
    assert exports(ast.parse(source)) == (listed, bound)
