"""``tutorials/run.py`` keeps what a notebook prints and shows, and says where one stopped."""

from pathlib import Path

import nbformat
import pytest

from tutorials import run

PNG = b"\x89PNG"


def write(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


def test_a_notebook_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(
        tmp_path / "01_a.ipynb",
        "import os; print('quick is', os.environ['BAYES_MTL_QUICK'])",
        "import matplotlib.pyplot as plt; plt.plot([1, 2]);",
        "6 * 7",
    )
    before = source.read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    (out / "01_a_2.png").write_bytes(b"of an earlier run")

    assert run.run(source, out, quick=True, timeout=60, in_place=False)

    text = capsys.readouterr().out
    assert "quick is 1\n\n42\n" in text
    assert "Figure" not in text.split("Figures:")[0]
    assert str(out / "01_a_1.png") in text
    assert sorted(path.name for path in out.iterdir()) == ["01_a.ipynb", "01_a_1.png"]
    assert (out / "01_a_1.png").read_bytes().startswith(PNG)
    assert source.read_bytes() == before


def test_a_notebook_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "02_b.ipynb", "print('before')", "1 / 0", "print('after')")
    before = source.read_bytes()
    out = tmp_path / "out"
    out.mkdir()

    assert not run.run(source, out, quick=False, timeout=60, in_place=True)

    captured = capsys.readouterr()
    assert "before" in captured.out and "FAILED" in captured.out
    assert "after" not in captured.out
    assert "ZeroDivisionError" in captured.err
    assert source.read_bytes() == before
