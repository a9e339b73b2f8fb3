"""What a notebook shows of the library's objects: names as text, never as markup; a diagram of a model."""

import sys
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pytest
import torch

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import UnsupportedError
from bayes_mtl._html import card, some
from bayes_mtl.diagnostics import Finding, Report
from bayes_mtl.inference import MAP, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_data
from tests.priors.cases import PRIORS

EVIL = "<script>alert('x')</script>&amp;"


class Reader(HTMLParser):
    """The text of a page, and the elements it has; unclosed ones are kept on the stack."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """Every object that a notebook shows, made of data in which all names are markup."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({EVIL: rng.normal(size=60), "t": np.arange(60) % 3, f"{EVIL}y": rng.normal(size=60)})
    frame["t"] = frame["t"].map(lambda t: f"{EVIL}{t}")
    data = TaskData.from_frame(frame, y=f"{EVIL}y", task="t", x=[EVIL])
    model = MultiTaskModel(Hierarchical(), Gaussian())
    posterior = Collapsed(hyperparameters=MAP(laplace=0), draws=20).run(model, data, seed=5)
    finding = Finding("warning", EVIL, EVIL, EVIL, (EVIL,))
    return {
        "data": data,
        "model": model,
        "posterior": posterior,
        "prediction": posterior.predict(data),
        "report": Report(EVIL, (finding,), (EVIL,)),
    }


@pytest.mark.parametrize("name", ["data", "model", "posterior", "prediction", "report"])
def test_names_are_text_and_never_markup(shown: dict[str, Any], name: str) -> None:
    found = Reader(shown[name]._repr_html_())
    assert not found.open
    assert "script" not in found.elements
    if name != "model":
        assert EVIL in found.text


def test_what_is_told_of_data_and_posterior(shown: dict[str, Any]) -> None:
    data = Reader(shown["data"]._repr_html_()).text
    assert "60 of 60 rows" in data and "20 to 20, median 20" in data and "Intercept" in data
    posterior = Reader(shown["posterior"]._repr_html_()).text
    for text in ("Hierarchical(", "Gaussian(", "by Collapsed(MAP) to 60 observations", "torch", "3 × 2 × 1"):
        assert text in posterior
    assert repr(shown["prediction"]) == "Prediction(60 observations, 90 % intervals of the target)"


def test_much_is_shortened() -> None:
    names = [f"task {i}" for i in range(500)]
    assert some(names).endswith("task 11, … (500 in all)") and some(names[:3]) == "task 0, task 1, task 2"
    data = TaskData.from_arrays(np.zeros((1000, 1)), np.arange(1000.0), np.arange(1000) % 500)
    html = data._repr_html_()
    assert "500: 0, 1, 2" in html and html.count("<tr>") < 40
    assert "left out" not in card("title", {"left out": ""})


def test_a_model_tells_its_network() -> None:
    html = MultiTaskModel(Hierarchical(), Gaussian(), MLP(2, (4,)))._repr_html_()
    assert "MLP" in html and "standardised before the fit" in html


def edges(source: str) -> set[tuple[str, str]]:
    lines = (line.strip().split(" -> ") for line in source.splitlines() if " -> " in line)
    return {(left, right) for left, right in lines}


def test_a_diagram_shows_what_depends_on_what() -> None:
    """The non-centred population: mean, scale and noise meet at the targets, and none of them before."""
    data = make_data(tasks=4)
    before = torch.random.get_rng_state()
    found = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian()).diagram(data)
    assert edges(found.source) == {(site, "y") for site in ("mean", "scale", "weights_noise", "noise_scale")}
    assert "label=tasks" in found.source and "label=observations" in found.source
    assert torch.equal(torch.random.get_rng_state(), before)
    centered = MultiTaskModel(Hierarchical(covariance="diagonal", centered=True), Gaussian()).diagram(data)
    assert edges(centered.source) == {
        ("mean", "weights"), ("scale", "weights"), ("weights", "y"), ("noise_scale", "y")
    }  # fmt: skip


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_has_a_diagram(name: str) -> None:
    data = make_data(tasks=4, task_features=np.arange(8.0).reshape(4, 2) ** 0.5)
    model = MultiTaskModel(PRIORS[name], Gaussian())
    targets = {right for _, right in edges(model.diagram(data).source)}
    assert "y" in targets


def test_a_network_leaves_nothing_behind_in_a_diagram() -> None:
    data = make_data(tasks=4)
    MultiTaskModel(Hierarchical(), Gaussian(), MLP(2, (4,))).diagram(data)
    assert not list(pyro.get_param_store().keys())


def test_without_graphviz_the_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'bayes_mtl\[diagrams\]'"):
        MultiTaskModel(Hierarchical(), Gaussian()).diagram(make_data())
