"""Run notebooks from top to bottom; keep the executed copies, their figures and what they print.

    python tutorials/run.py                               every tutorial, copies in build/tutorials
    python tutorials/run.py --quick tutorials/01_*.ipynb  one of them, with fewer steps and draws
    python tutorials/run.py --in-place                    and store the outputs in the notebooks

A notebook learns that it should be quick from the environment variable BAYES_MTL_QUICK, "1" or "0".
"""

import argparse
import base64
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
MAX_LINES = 40


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    """All outputs of the code cells, in order."""
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.get("outputs", [])
    ]


def printed(notebook: NotebookNode) -> list[str]:
    """What the cells printed and what their last lines evaluate to, as text; progress bars left out."""
    texts = []
    for output in outputs(notebook):
        if output.output_type == "stream" and output.name == "stdout":
            texts.append(output.text)
        elif output.output_type in ("execute_result", "display_data") and "image/png" not in output.data:
            texts.append(output.data.get("text/plain", ""))
    return [text.rstrip() for text in texts if text.strip()]


def shorten(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= MAX_LINES:
        return text
    return "\n".join([*lines[:MAX_LINES], f"... ({len(lines) - MAX_LINES} more lines)"])


def save_figures(notebook: NotebookNode, folder: Path, stem: str) -> list[Path]:
    """Write every PNG that the notebook shows to ``folder/stem_1.png`` and so on."""
    for old in folder.glob(f"{stem}_*.png"):
        old.unlink()
    images = [
        output.data["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})
    ]
    paths = [folder / f"{stem}_{number}.png" for number in range(1, len(images) + 1)]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(base64.b64decode(image))
    return paths


def execute(source: Path, quick: bool, timeout: float) -> tuple[NotebookNode, str | None]:
    """The executed notebook, and the error at which it stopped, if any."""
    notebook = nbformat.read(source, as_version=4)
    config = Config()
    config.KernelManager.transport_encryption = "auto"  # else each kernel warns of plain text
    client = NotebookClient(
        notebook,
        config=config,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,  # times of day would differ in every run
        resources={"metadata": {"path": str(source.parent)}},
    )
    environment = os.environ | {
        "BAYES_MTL_QUICK": "1" if quick else "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # whatever the caller's is
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger's note on frozen modules
    }
    try:
        client.execute(env=environment)
    except (CellExecutionError, DeadKernelError, TimeoutError) as error:
        return notebook, f"{type(error).__name__}: {error}"
    return notebook, None


def run(source: Path, out: Path, quick: bool, timeout: float, in_place: bool) -> bool:
    """Run one notebook and report; whether it went through."""
    print(f"\n== {source.name}" + (" (quick)" if quick else ""), flush=True)
    started = time.perf_counter()
    notebook, error = execute(source, quick, timeout)
    seconds = time.perf_counter() - started
    copy = out / source.name
    nbformat.write(notebook, copy)
    if in_place and error is None:
        nbformat.write(notebook, source)
    for text in printed(notebook):
        print(shorten(text), end="\n\n")
    if error is not None:
        print(error, file=sys.stderr)
    print(f"{'FAILED' if error else 'Ran'} in {seconds:.0f} s; executed copy: {copy}")
    figures = save_figures(notebook, out, source.stem)
    print("Figures:" if figures else "No figures.")
    for path in figures:
        print(f"  {path}")
    sys.stdout.flush()
    return error is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in this folder")
    parser.add_argument("--out", type=Path, default=Path("build/tutorials"), help="folder of what is written")
    parser.add_argument("--quick", action="store_true", help="as BAYES_MTL_QUICK=1")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds a cell may take")
    parser.add_argument("--in-place", action="store_true", help="also store the outputs in the notebooks")
    arguments = parser.parse_args()
    notebooks = arguments.notebooks or sorted(HERE.glob("*.ipynb"))
    missing = [str(path) for path in notebooks if not path.is_file()]
    if missing or not notebooks:
        parser.error(f"no such notebook: {', '.join(missing) or HERE / '*.ipynb'}")
    quick = arguments.quick or os.environ.get("BAYES_MTL_QUICK", "0") not in ("", "0")
    if quick and arguments.in_place:
        parser.error("--in-place stores what readers see, so it takes a full run, not a quick one")
    arguments.out.mkdir(parents=True, exist_ok=True)
    passed = [run(path, arguments.out, quick, arguments.timeout, arguments.in_place) for path in notebooks]
    if len(notebooks) > 1:
        print(f"\n{sum(passed)} of {len(notebooks)} notebooks ran through.")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
