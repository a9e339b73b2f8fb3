"""The tutorials run from top to bottom, their claims are checked by their last cells, and the outputs stored
with them come from full runs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests import forked_notebook
from tests.crossed import TURN
from tutorials import run

FOLDER = Path(run.__file__).resolve().parent
LARGEST = 1_500_000  # bytes: a notebook that takes long to open is not read
# One line for each comparison that a claim rests on; the verdict is that of the printed numbers.
COMPARISON = re.compile(
    r": ([+-]\d\.\d{4}) (?:nats a \w+|of the way), standard error (\d\.\d{4}) \((not )?more than two"
)
# The other kind of claim: two numbers are the same up to a limit.
AGREEMENT = re.compile(r", (\d+\.\d{4}) [a-z ]+ apart \((not )?within (\d+(?:\.\d+)?)\)")
COMPARED = {
    "01_first_model": ["Hierarchical - Independent", "Hierarchical - Pooled"],
    "02_your_own_prior": ["students of known schools", "students of new schools"],
    "03_clusters_and_gates": ["Gate - Hierarchical", "Gate - 2 clusters, no gate"],
    "04_hierarchies_of_tasks": ["Sectors - shuffled", "Tree - Independent", "Tree - Hierarchical"],
    "05_sparse_groups": ["Sparse groups - Independent", "Sparse groups - Hierarchical"],
    "06_relatedness_by_gumbel_softmax": ["GumbelSoftmax - single tasks", "GumbelSoftmax - pooled"],
    "07_mixture_of_experts": [
        "MMoE - single tasks, questions",
        "single tasks - MMoE, measurements",
        "MMoEEx - single tasks, questions",
        "MMoE - shared bottom, questions",
        "MMoEEx - MMoE, questions",
    ],
    "08_heterogeneous_time_series": [
        "MMoE - no inputs",
        "MMoE - single tasks",
        "MMoE - shared GRU",
        "MMoE - no network",
    ],
    "09_which_prior": [
        "Hierarchical - Independent",
        "Hierarchical - Pooled",
        "best other family - Hierarchical",
    ],
    "10_is_it_right": [
        "NegativeBinomial - Poisson",
        "NegativeBinomial",
        "Poisson",
        "Escalation",
        "mean field",
    ],
    "11_large_data": ["table and rows", "Hierarchical - Independent", "Hierarchical - Pooled"],
    "12_from_scikit_learn": ["multi-task - no schools", "multi-task - school columns"],
    "13_coming_from_pymc_or_bambi": [
        "mean[Intercept]",
        "mean[days]",
        "scale[Intercept]",
        "scale[days]",
        "correlation[Intercept, days]",
        "noise_scale",
    ],
}
# The comparisons that must all be in favour for the claim to be called shown.
DECISIVE = {
    "01_first_model": [0, 1],
    "02_your_own_prior": [1],
    "03_clusters_and_gates": [0, 1],
    "04_hierarchies_of_tasks": [0],
    "05_sparse_groups": [0],
    "06_relatedness_by_gumbel_softmax": [0, 1],
    "07_mixture_of_experts": [0, 1],
    "08_heterogeneous_time_series": [0],
    "09_which_prior": [0, 1],
    "10_is_it_right": [0, 1, 3],
    "11_large_data": [0, 2],
    "12_from_scikit_learn": [0],
    "13_coming_from_pymc_or_bambi": [0, 1, 2, 3, 4, 5],
}
# And those that must not be.
UNWANTED = {"09_which_prior": [2], "10_is_it_right": [2, 4]}
# A kernel of its own takes seconds to import everything: one tutorial a run has it, the others are forked.
IN_A_KERNEL = list(COMPARED)[TURN % len(COMPARED)]
TASKS = {
    "01_first_model": "65 schools",
    "02_your_own_prior": "160 schools",
    "03_clusters_and_gates": "160 schools",
    "04_hierarchies_of_tasks": "22 industries",
    "05_sparse_groups": "15 industries",
    "06_relatedness_by_gumbel_softmax": "4 tasks of 200 images",
    "07_mixture_of_experts": "8 tasks with 658 labels",
    "08_heterogeneous_time_series": "6 tasks of 112 patients",
    "09_which_prior": "1,940 sales in 27 neighborhoods",
    "10_is_it_right": "403 chicks at 63 places",
    "11_large_data": "32,923 held-out flights",
    "12_from_scikit_learn": "2,706 held-out pupils of 65 schools",
    "13_coming_from_pymc_or_bambi": "180 reaction times of 18 people",
}


def claims(notebook: NotebookNode) -> str:
    """What the last code cell printed."""
    cell = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def warnings(notebook: NotebookNode) -> str:
    """What a reader should not see; it also names folders of the machine that it ran on."""
    return "".join(output.text for output in run.outputs(notebook) if output.get("name") == "stderr")


def check_claims(stem: str, text: str) -> bool:
    """Whether the claim is called shown; the verdicts must follow from the numbers beside them."""
    lines = text.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == COMPARED[stem]
    verdicts = []
    for line in lines[:-1]:
        if found := AGREEMENT.search(line):
            margin, verdict = float(found[3]) - float(found[1]), found[2] is None
        else:
            found = COMPARISON.search(line)
            assert found, line
            margin, verdict = float(found[1]) - 2 * float(found[2]), found[3] is None
        # numbers are printed with four digits: too close to call here, not there
        assert verdict == (margin > 0) or abs(margin) < 2e-4, line
        verdicts.append(verdict)
    shown = all(verdicts[i] for i in DECISIVE[stem]) and not any(verdicts[i] for i in UNWANTED.get(stem, []))
    assert lines[-1].startswith("Claim: shown on" if shown else "Claim: not shown on"), lines[-1]
    return shown


def test_every_tutorial_has_its_claims_listed_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(COMPARED)


@pytest.mark.slow
@pytest.mark.parametrize("stem", COMPARED)
def test_a_quick_run_goes_through(stem: str) -> None:
    path = FOLDER / f"{stem}.ipynb"
    if stem == IN_A_KERNEL:
        notebook, error = run.execute(path, quick=True, timeout=300)
    else:
        notebook, error = forked_notebook.execute(path, timeout=300)
    assert error is None, error
    check_claims(stem, claims(notebook))
    assert "posterior are the same: True" in "".join(run.printed(notebook))
    assert not warnings(notebook)


@pytest.mark.parametrize("stem", COMPARED)
def test_stored_outputs_are_those_of_a_full_run(stem: str) -> None:
    path = FOLDER / f"{stem}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size < LARGEST
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "Run `make tutorials`."
    kinds = [output.output_type for output in run.outputs(notebook)]
    assert "error" not in kinds
    assert not warnings(notebook)
    assert any("image/png" in output.get("data", {}) for output in run.outputs(notebook))
    assert check_claims(stem, claims(notebook)), "The stored run does not show what the page claims."
    assert TASKS[stem] in claims(notebook)
