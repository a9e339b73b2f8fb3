"""Names that would break a file, a figure or a page if they were taken for more than names."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, Posterior, TaskData, load
from bayes_mtl.diagnostics import calibration, check, loo_tasks
from bayes_mtl.inference import Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.plots import plot_forest, plot_relatedness
from bayes_mtl.priors import Hierarchical

NAMES = [
    "=HYPERLINK(1)",
    "$x^{2",
    "\x1b[31m\x00red",
    "two\nlines\r\n",
    "<script>alert(1)</script>",
    "x" * 3000,
    "'; drop",
    "\u202egnp.exe",
    "../../etc/passwd",
    "all tasks",
    "{name}%s\\frac",
    "\ud7ff\u0301e\u0301",
]
FEATURES = ["a\x00b", "$\\sum"]


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return Collapsed(draws=60).run(MultiTaskModel(Hierarchical(), Gaussian()), DATA)


RANDOM = np.random.default_rng(0)
DATA = TaskData.from_arrays(
    RANDOM.normal(size=(8 * len(NAMES), 2)),
    RANDOM.normal(size=8 * len(NAMES)),
    np.repeat(np.array(NAMES, dtype=object), 8),
    feature_names=FEATURES,
)


def test_tables_and_files_keep_them(posterior: Posterior, tmp_path: Path) -> None:
    assert set(posterior.tasks) == set(NAMES)
    again = load(posterior.save(tmp_path / "fit"))
    assert again.tasks == posterior.tasks and again.features == posterior.features
    assert len(again.ranking()) == len(NAMES)
    assert again.predict(np.zeros((1, 2)), NAMES[2]).mean == pytest.approx(
        posterior.predict(np.zeros((1, 2)), NAMES[2]).mean
    )
    groups = posterior.to_arviz()["posterior"]
    assert set(groups["weights"].coords["task"].values.tolist()) == set(NAMES)


def test_reports_show_them_as_text(posterior: Posterior) -> None:
    report = check(posterior, DATA)
    first = calibration(posterior, DATA).to_frame().iloc[:3]
    assert (first["observations"] == len(DATA)).all()  # also where a task has the name of all of them
    assert "<script>" not in report._repr_html_()
    assert len(loo_tasks(posterior, DATA).to_frame()) == len(NAMES)


@pytest.mark.parametrize("plot", [plot_forest, plot_relatedness])
@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
def test_figures_are_whole_files(plot: object, posterior: Posterior, tmp_path: Path) -> None:
    assert callable(plot)
    figure = plot(posterior)
    for kind in ("svg", "png"):
        figure.savefig(tmp_path / f"figure.{kind}")
    # reading it fails where a control character or markup came through
    tags = {node.tag.rpartition("}")[2] for node in ElementTree.parse(tmp_path / "figure.svg").iter()}
    assert "path" in tags and "script" not in tags
