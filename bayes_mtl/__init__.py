"""Bayesian multi-task learning: many related tasks, little data in each.

data -> network -> prior over all tasks' weights -> likelihood -> model -> inference -> posterior ->
diagnostics, plots. Each word is a subpackage of that name.
"""

from bayes_mtl.data import TaskData
from bayes_mtl.inference import fit
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior, load

__version__ = "0.1.0"

__all__ = ["MultiTaskModel", "Posterior", "TaskData", "__version__", "fit", "load"]
