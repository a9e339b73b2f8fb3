"""The documentation is complete, builds without a complaint, fetches nothing, and its examples run."""

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from torch import nn

import bayes_mtl
from bayes_mtl import diagnostics, inference, likelihoods, networks, priors
from bayes_mtl.inference import MAP, NUTS, SVI, AbstractInference, Trees
from docs import decision

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Elements that make a browser fetch something; links that a reader may follow are no such thing.
FETCHED = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\bsrc=\"(?:https?:)?//"
    r"|<link\b[^>]*\brel=\"(?:stylesheet|preconnect|icon)\"[^>]*\bhref=\"(?:https?:)?//"
)


def subpackages() -> list[str]:
    found = [module.name for module in pkgutil.iter_modules(bayes_mtl.__path__, "bayes_mtl.") if module.ispkg]
    return ["bayes_mtl", *found]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.mark.parametrize("package", subpackages())
def test_every_public_name_is_in_the_reference(package: str, site: Path) -> None:
    public = [n for n in importlib.import_module(package).__all__ if not n.startswith("_")]
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "api").rglob("*.html"))
    absent = [n for n in public if f'id="{package}.{n}"' not in text]
    assert public
    assert not absent, (
        f"Write docs/api/NAME.md with '::: {package}' and its line in mkdocs.yml, for {absent}."
    )


@pytest.mark.parametrize(
    "package, base",
    [
        (priors, priors.AbstractTaskPrior),
        (likelihoods, likelihoods.AbstractLikelihood),
        (inference, AbstractInference),
    ],
    ids=["priors", "likelihoods", "inference"],
)
def test_every_method_has_a_page(package: ModuleType, base: type) -> None:
    folder = ROOT / "docs" / package.__name__.rpartition(".")[2]
    classes = [c for n in package.__all__ if inspect.isclass(c := getattr(package, n))]
    own = [c.__name__ for c in classes if issubclass(c, base) and not inspect.isabstract(c)]
    snake = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", n).lower(): n for n in own}
    absent = [n for stem, n in snake.items() if not (folder / f"{stem}.md").is_file()]
    assert len(own) >= 6
    assert not absent, f"Write {folder}/my_method.md, and its line in index.md, for: {absent}"
    overview = (folder / "index.md").read_text(encoding="utf-8")
    assert not [n for stem, n in snake.items() if f"[`{n}`]({stem}.md)" not in overview]
    for stem, n in snake.items():
        text = (folder / f"{stem}.md").read_text(encoding="utf-8")
        parts = (
            f"[`{n}`][{package.__name__}.{n}]",
            "$",
            "**When.**",
            "**When not.**",
            "**Cost.**",
            "**Reference",
        )
        assert all(part in text for part in parts), f"{stem}.md lacks one of {parts}"


def test_every_network_has_a_page() -> None:
    """A page of its own, or one that networks of a kind share: the overview links to it under the name."""
    public = {n: c for n in networks.__all__ if inspect.isclass(c := getattr(networks, n))}
    classes = {n for n, c in public.items() if issubclass(c, nn.Module) and not inspect.isabstract(c)}
    pages = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "networks").glob("*.md"))
    absent = [n for n in sorted(classes) if f"[`{n}`][bayes_mtl.networks.{n}]" not in pages]
    assert len(classes) >= 6
    assert not absent, f"Write docs/networks/my_network.md, and its line in index.md, for: {absent}"


def test_formulas_are_mathml_and_nothing_is_fetched(site: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert len(pages) > 15
    assert not [str(page) for page, text in pages.items() if FETCHED.search(text)]
    assert not [str(page) for page, text in pages.items() if "arithmatex" in text]
    written = {page: re.findall(r"<math.*?</math>", text, re.DOTALL) for page, text in pages.items()}
    unknown = {page.name: [f for f in found if "\\" in f] for page, found in written.items()}
    assert not {page: found for page, found in unknown.items() if found}  # commands of LaTeX stay as text
    formula = (site / "priors" / "hierarchical.html").read_text(encoding="utf-8")
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in formula


def test_pages_opened_as_files_can_be_searched(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ") and "NegativeBinomial" in index
    page = (site / "priors" / "pooled.html").read_text(encoding="utf-8")
    assert '<script src="../assets/iframe-worker.js">' in page
    assert '<link rel="stylesheet" href="../assets/site.css">' in page
    style = (site / "assets" / "site.css").read_text(encoding="utf-8")
    fetched = re.findall(r'url\("([^"]+)"\)', style)
    assert fetched and all((site / "assets" / name).is_file() for name in fetched)


def test_the_figure_of_priors_names_every_prior_and_links_to_its_page(site: Path) -> None:
    named = {n for _, priors_ in decision.QUESTIONS for n in priors_} | {decision.LAST, *decision.YARDSTICKS}
    classes = {n: c for n in priors.__all__ if inspect.isclass(c := getattr(priors, n))}
    kinds = {
        n for n, c in classes.items() if issubclass(c, priors.AbstractTaskPrior) and not inspect.isabstract(c)
    }
    assert named == kinds
    text = (site / "priors" / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="(\w+\.html)"><rect', text)
    assert len(links) == 2 * len(kinds)  # for wide and for narrow pages
    assert all((site / "priors" / link).is_file() for link in links)


@pytest.fixture
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples have to run; what their fits find is tested elsewhere."""
    for kind, most in (
        (SVI, {"steps": 20, "particles": 1, "draws": 50}),
        (NUTS, {"draws": 5, "warmup": 5, "chains": 2}),
        (MAP, {"iterations": 20, "laplace": 10}),
        (Trees, {"draws": 5, "warmup": 5}),
    ):

        def shortened(
            self: AbstractInference,
            most: dict[str, int] = most,
            original: Callable[[AbstractInference], None] = kind.__post_init__,
        ) -> None:
            original(self)
            for name, number in most.items():
                given = getattr(self, name)
                object.__setattr__(self, name, number if given is None else min(given, number))

        monkeypatch.setattr(kind, "__post_init__", shortened)
    monkeypatch.setattr("bayes_mtl.inference._fit._SMALL", 0)  # by SVI, which is short above
    full = diagnostics.sbc
    monkeypatch.setattr(diagnostics, "sbc", lambda *a, **k: full(*a, **{**k, "simulations": 4}))


SLOW = pytest.mark.skipif(os.environ.get("BAYES_MTL_SLOW") != "1", reason="slow; BAYES_MTL_SLOW=1 runs it")
# Its pictures hold the lines that drew them; tests/test_completeness.py compares them with the page.
RUN_BEFORE = ROOT / "docs" / "gallery.md"
EXAMPLES = [
    pytest.param(page, id=name(page), marks=[SLOW] if page == RUN_BEFORE else [])
    for page in PAGES
    if PYTHON.search(page.read_text("utf-8"))
]


@pytest.mark.usefixtures("short_fits")
@pytest.mark.parametrize("page", EXAMPLES)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks of a page that are marked as Python, in order, in one namespace."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in PYTHON.finditer(text):
        line = text.count("\n", 0, block.start(1))
        # Empty lines in front make tracebacks name the line of the page.
        exec(compile("\n" * line + block[1], str(page), "exec"), namespace)
    plt.close("all")


def test_there_are_examples() -> None:
    with_examples = [page for page in PAGES if PYTHON.search(page.read_text(encoding="utf-8"))]
    assert ROOT / "README.md" in with_examples
    assert len(with_examples) >= 9
