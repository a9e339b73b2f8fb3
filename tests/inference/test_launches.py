"""The script of the documentation runs as that says; the ways that cannot work say what does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_mtl import MultiTaskModel, load
from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference import SVI
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled
from tests.inference.cases import rows, slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how_to" / "many_devices.md").read_text(encoding="utf-8")
BLOCK = re.search(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

pytestmark = [slow, pytest.mark.slow]


def script() -> str:
    assert BLOCK is not None
    return BLOCK[1]


def run(folder: Path, text: str, launcher: list[str]) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, *launcher, str(path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("launcher", [TORCHRUN, []], ids=["torchrun", "none"])
def test_the_script_of_the_page(launcher: list[str], tmp_path: Path) -> None:
    ended = run(tmp_path, script(), launcher)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("SVI:   0%") == 1  # one progress bar
    assert len(load(tmp_path / "fit.posterior").record.losses) == 100
    assert (tmp_path / "fit.checkpoint").is_file()


def test_a_class_of_the_script(tmp_path: Path) -> None:
    text = script().replace("def main()", "class Own(Hierarchical):\n    pass\n\n\ndef main()")
    ended = run(tmp_path, text.replace("Hierarchical(),", "Own(),"), [])
    assert ended.returncode == 0, ended.stderr


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    text = script().replace('if __name__ == "__main__":\n    main()', "main()")
    ended = run(tmp_path, text, [])
    assert ended.returncode != 0
    assert "Put the fit under \"if __name__ == '__main__':\"" in ended.stderr


def test_a_class_that_processes_cannot_import(tmp_path: Path) -> None:
    text = script().replace("def main()", "class Own(Hierarchical):\n    pass\n\n\ndef main()")
    code = f"exec({text.replace('Hierarchical(),', 'Own(),')!r})"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode != 0
    assert "UnsupportedError: The processes that SVI(devices=2) started did not finish" in ended.stderr
    assert "torchrun --nnodes=1 --nproc-per-node=2" in ended.stderr


def test_a_setting_that_cannot_be_sent() -> None:
    pytest.importorskip("lightning_fabric", reason="the extra 'distributed' is not installed")
    model, svi = MultiTaskModel(Pooled(), Gaussian()), SVI(devices=2, on_step=lambda step, loss: None)
    with pytest.raises(UnsupportedError, match=r"cannot be sent.*lambda.*torchrun --nnodes=1 --nproc"):
        svi.run(model, rows())
