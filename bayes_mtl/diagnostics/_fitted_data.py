"""Whether data are those of the fit."""

from typing import Any

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.diagnostics._latents import adapted
from bayes_mtl.posterior import Posterior


def require_posterior(posterior: Any) -> None:
    """Refuse anything else in its place, such as the data.

    Raises
    ------
    InputTypeError
        For these.
    """
    if not isinstance(posterior, Posterior):
        found = type(posterior).__name__
        remedy = "Pass what fit(model, data) returned first, then the data."
        raise InputTypeError(message("posterior", "a Posterior", found, remedy))


def require_fitted(posterior: Posterior, data: TaskData) -> None:
    """Refuse data that a posterior cannot have been fitted on.

    Raises
    ------
    InputError
        Where the number of observations, or the tasks, are others. A posterior holds no rows: more cannot
        be told.
    """
    require_posterior(posterior)
    require_data(data)
    number = posterior.record.observations
    if data.schema.tasks != posterior.tasks:
        raise InputError(
            message(
                "data",
                f"the {len(posterior.tasks)} tasks of the fit in their order",
                f"{len(data.schema.tasks)} tasks",
                "Pass the data of the fit.",
            )
        )
    if len(data) != number and not adapted(posterior):
        raise InputError(
            message("data", f"the {number:,} observations of the fit", f"{len(data):,}", "Pass these.")
        )
