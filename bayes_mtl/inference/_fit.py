"""One call that chooses the inference."""

import torch

from bayes_mtl._errors import InputTypeError, UnsupportedError, message
from bayes_mtl._seed import seeded
from bayes_mtl.data import TaskData, TaskTable
from bayes_mtl.inference._collapsed import FEW, Collapsed
from bayes_mtl.inference._collapsed_program import moments_of, why_not_collapsed
from bayes_mtl.inference._first_that_works import FirstThatWorks
from bayes_mtl.inference._laplace_program import LaplaceProgram, why_no_laplace
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._nested_laplace import NestedLaplace
from bayes_mtl.inference._population_monte_carlo import PopulationMonteCarlo
from bayes_mtl.inference._sites import latent_sites
from bayes_mtl.inference._svi import SVI
from bayes_mtl.inference._trees import Trees
from bayes_mtl.model import MultiTaskModel, Program
from bayes_mtl.posterior import Posterior
from bayes_mtl.priors import LatentHierarchy

_SMALL, _ROUNDS = 2_000, 5
"""Rows, and numbers in the tasks' matrices, up to which points take seconds; and their rounds then."""


def choose(
    model: MultiTaskModel, data: TaskData | TaskTable, progress: bool = True
) -> Trees | Collapsed | FirstThatWorks | SVI:
    """The inference that `fit` runs, as its notes say."""
    program = model.program(data)
    # no other inference takes an unknown tree: where it cannot be sampled, Trees says why and what to do
    if isinstance(program.prior, LatentHierarchy) and program.prior.tree is None:
        return Trees(progress=progress)
    if why_not_collapsed(program) is None:
        return Collapsed()
    svi = SVI(progress=progress)
    if isinstance(data, TaskTable) or not _few_hyperparameters(program, data):
        return svi
    points = PopulationMonteCarlo(rounds=_ROUNDS, progress=progress)
    return FirstThatWorks(NestedLaplace(points), svi)


def _few_hyperparameters(program: Program, data: TaskData) -> bool:
    """Whether rows and hyperparameters are few, of one Gaussian: mixtures have a mode for each order."""
    each = len(program.features) ** 2
    if len(data) + len(data.schema.tasks) * each > _SMALL or why_no_laplace(program) is not None:
        return False
    with seeded(0), local_parameters(), torch.no_grad():
        laplace = LaplaceProgram(program, data)
        moments = moments_of(laplace.prior, laplace.dims)
        if moments.logits is not None or moments.factor is not None:
            return False
        try:
            return sum(site.count for site in latent_sites(laplace, (), {})) <= FEW
        except UnsupportedError:  # a likelihood of the user's own, without two derivatives
            return False


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
    `Trees` where the tasks form a tree that is not given). Other likelihoods of one output, with such a prior
    of one Gaussian, up to 20 hyperparameters, and up to 2,000 rows (tasks times squared features counted in),
    are fitted by `NestedLaplace`; where that finds that its draws cannot be trusted, and all else, by `SVI`.
    For other settings call ``SVI(...).run(model, data)`` and the like.
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
