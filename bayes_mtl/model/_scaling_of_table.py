"""Scaling of a model for a table of which only sums are known."""

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import Scaling, TaskTable
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian


def scaling_of_table(likelihood: AbstractLikelihood, table: TaskTable, standardize: bool) -> Scaling:
    """What `Scaling.fit` finds with all rows.

    Raises
    ------
    UnsupportedError
        For other likelihoods than `Gaussian`, which need the rows.
    """
    if not isinstance(likelihood, Gaussian):
        raise UnsupportedError(
            f"Sums by task say all of the data for Gaussian likelihoods only, and this one is "
            f"{type(likelihood).__name__}. Use TaskData with memory-mapped rows, and SVI."
        )
    shift, spread = likelihood.location_of(table)
    return Scaling.from_moments(table.schema, table.features, table.task_features, shift, spread, standardize)
