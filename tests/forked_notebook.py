"""Runs a notebook's code in a process that begins with its imports done, which a kernel spends seconds on.

The processes are forked from a server that has imported and run nothing, so no thread of torch is lost.
"""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
from nbformat import NotebookNode

IMPORTED = ["matplotlib.pyplot", "pandas", "sklearn", "arviz", "IPython.core.interactiveshell", "bayes_mtl"]


def execute(source: Path, timeout: float) -> tuple[NotebookNode, str | None]:
    """As ``tutorials.run.execute`` does, quick; results of last lines are a part of what a cell prints."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    notebook = nbformat.read(source, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    here, there = context.Pipe(duplex=False)
    process = context.Process(
        target=_run, args=(there, str(source.parent), [cell.source for cell in cells], dict(os.environ))
    )
    process.start()
    there.close()
    error: str | None = None
    try:
        for cell in cells:
            cell.outputs = []
            if not here.poll(timeout):
                return notebook, f"no answer in {timeout:g} seconds"
            printed, warned, error = here.recv()
            for name, text in (("stdout", printed), ("stderr", warned)):
                if text:
                    cell.outputs.append(nbformat.v4.new_output("stream", name=name, text=text))
            if error is not None:
                return notebook, f"{error}\n{printed}"
    except EOFError:
        process.join()
        return notebook, f"the process ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()
        here.close()
    return notebook, None


def _run(answers: Connection, folder: str, cells: list[str], environment: dict[str, str]) -> None:
    """Run cells one after the other, and send what each printed, warned and raised."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    os.environ.update(environment, BAYES_MTL_QUICK="1")
    os.chdir(folder)
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    for cell in cells:
        with capture_output() as captured:
            result = shell.run_cell(cell)
        raised = result.error_before_exec or result.error_in_exec
        answers.send((captured.stdout, captured.stderr, None if raised is None else repr(raised)))
        if raised is not None:
            return
