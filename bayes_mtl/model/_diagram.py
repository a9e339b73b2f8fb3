"""A model as a graph of its sites."""

from typing import Any

import numpy as np
import pyro

from bayes_mtl._alone import alone
from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData
from bayes_mtl.model._program import Program


def diagram(program: Program, data: TaskData) -> Any:
    """See `MultiTaskModel.diagram`."""
    try:
        import graphviz  # noqa: F401 - Pyro imports it without a word on how to get it
    except ImportError as error:
        raise UnsupportedError(
            "A diagram needs the package graphviz, and its display the program dot. "
            "Install them: pip install 'bayes_mtl[diagrams]', and graphviz of your system."
        ) from error
    # One observation a task has all sites; what each is drawn from does not depend on how many there are.
    few = data.subset(np.unique(data.task, return_index=True)[1])
    with alone(), seeded(0), pyro.get_param_store().scope():
        return pyro.render_model(program, model_args=(program.batch(few),), render_distributions=True)
