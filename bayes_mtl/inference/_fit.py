"""One call that chooses the inference."""

from bayes_mtl._errors import InputTypeError, UnsupportedError, message
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.inference._collapsed import Collapsed
from bayes_mtl.inference._collapsed_program import why_not_collapsed
from bayes_mtl.inference._svi import SVI
from bayes_mtl.inference._trees import Trees
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import LatentHierarchy


def choose(
    model: MultiTaskModel, data: TaskData | TaskTable, progress: bool = True
) -> Trees | Collapsed | SVI:
    """`Trees` for an unknown tree, `Collapsed` where the weights have a closed form, else `SVI`."""
    program = model.program(data)
    # no other inference takes an unknown tree: where it cannot be sampled, Trees says why and what to do
    if isinstance(program.prior, LatentHierarchy) and program.prior.tree is None:
        return Trees(progress=progress)
    return Collapsed() if why_not_collapsed(program) is None else SVI(progress=progress)


def fit(
    model: MultiTaskModel, data: TaskData | TaskTable, *, seed: int = 0, progress: bool = True
) -> Posterior:
    """Fit a model with the inference that suits it.

    Parameters
    ----------
    model, data
        What to fit, and to what.
    seed
        The same seed gives the same posterior.
    progress
        Whether to show a progress bar where it takes long.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError, UnsupportedError
        Where data and model do not fit together.
    InputTypeError
        For a prior, or a table, in place of a model and its data.

    Notes
    -----
    Gaussian likelihoods with a conditionally Gaussian prior and no network are fitted by `Collapsed` (by
    `Trees` where the tasks form a tree that is not given), all others by `SVI`. For other settings call
    ``SVI(...).run(model, data)`` and the like.
    """
    together = "Put prior and likelihood together: MultiTaskModel(prior, likelihood)."
    if not isinstance(model, MultiTaskModel):
        raise InputTypeError(message("model", "a MultiTaskModel", type(model).__name__, together))
    chosen = choose(model, data, progress)
    if isinstance(chosen, (Trees, Collapsed)):
        return chosen.run(model, data, seed=seed)
    if isinstance(data, TaskTable):
        reason = why_not_collapsed(model.program(data))
        raise UnsupportedError(f"SVI would fit this model, since {reason}; but it needs rows: use TaskData.")
    return chosen.run(model, data, seed=seed)
