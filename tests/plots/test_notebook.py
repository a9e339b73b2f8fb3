"""How figures reach the reader."""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from bayes_mtl.plots._canvas import new_figure

ROOT = Path(__file__).resolve().parents[2]
CELL = """
from bayes_mtl.plots._canvas import canvas
figure, axes = canvas(None, 3.0, 2.0)
axes.plot([1, 2])
figure
"""


def test_a_figure_has_its_own_picture() -> None:
    assert new_figure(2.0, 1.0)._repr_png_().startswith(b"\x89PNG")


def test_importing_the_plots_does_not_import_matplotlib() -> None:
    code = "import sys, bayes_mtl.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_a_notebook_shows_a_figure_exactly_once() -> None:
    with_pyplot = "import matplotlib.pyplot as plt; plt.draw_if_interactive()\n" + CELL
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, with_pyplot)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": ROOT}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert [output.output_type for output in pictures] == ["execute_result"]
