"""The contract of a prior over the weights of all tasks."""

import torch
from pyro import poutine
from torch import Tensor

from bayes_mtl import priors
from bayes_mtl._errors import BayesMTLError, InputTypeError, message
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods import AbstractLikelihood, Categorical, Gaussian
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior._spec import decode, encode
from bayes_mtl.priors import AbstractGaussianTaskPrior, AbstractTaskPrior, at_draws
from bayes_mtl.testing._check_model import check_program
from bayes_mtl.testing._example_data import example_data
from bayes_mtl.testing._prior_moments import check_moments
from bayes_mtl.testing._prior_tasks import check_new_tasks, check_relations
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs
from bayes_mtl.testing._site_draws import SiteDraws, draw_sites

_SIZES = ((4, 2, True), (3, 1, False), (5, 3, True))
"""Tasks, features and intercept of the examples: all sizes of one example differ."""


def check_prior(prior: AbstractTaskPrior, *, likelihood: AbstractLikelihood | None = None) -> None:
    """Check a prior of your own: one call that is worth a test file.

    For several sizes (one feature, several outputs, one task if the prior takes it) it checks that

    - the weights have shape ``[..., tasks, features, outputs]``, with particles too;
    - all that `check_model` checks: plates, vectorised particles, gradients, mini-batches, capture;
    - new tasks get weights, or an `UnsupportedError` that says why not;
    - `relatedness`, `derive` and `align` return what they promise;
    - the random numbers come from Pyro's sites alone: the same seed gives the same weights;
    - ``dim_names`` name as many axes as there are;
    - of an `AbstractGaussianTaskPrior`, the sampled weights have the mean and covariance of `moments`;
    - of the library's own priors, that a file can hold them.

    Parameters
    ----------
    prior
        An instance with the settings to check.
    likelihood
        Likelihood to check it with; by default `Gaussian`, and `Categorical` for several outputs.

    Raises
    ------
    CheckFailed
        On the first rule that is broken: what, expected, found, how to mend it.
    InputTypeError
        For what is not a prior.

    Examples
    --------
    >>> from bayes_mtl.priors import Hierarchical
    >>> from bayes_mtl.testing import check_prior
    >>> check_prior(Hierarchical())
    """
    if not isinstance(prior, AbstractTaskPrior):
        raise InputTypeError(
            message(
                "prior", "an instance of AbstractTaskPrior", repr(prior), "Pass an instance of your class."
            )
        )
    _check_file(prior)
    likelihoods = [Gaussian(), Categorical()] if likelihood is None else [likelihood]
    for one in likelihoods:
        first = one is likelihoods[0]
        for size in _SIZES if first else _SIZES[:1]:
            tasks, features, intercept = size
            data = example_data(one, tasks, features, intercept=intercept)
            _check_on(prior, one, data, capture=first and size is _SIZES[0])
    _check_one_task(prior, likelihoods[0])


def _check_on(
    prior: AbstractTaskPrior, likelihood: AbstractLikelihood, data: TaskData, *, capture: bool
) -> None:
    name = type(prior).__name__
    with runs(f"{name}: binding it to data", "See AbstractTaskPrior.bind."):
        program = MultiTaskModel(prior, likelihood).program(data)
    dims = program.dims(program.task_features)
    subject = f"{name} ({dims.tasks} tasks, {dims.features} weights, {dims.outputs} outputs)"
    own = program.prior
    draws, weights = _check_weights(subject, own, dims)
    _check_seed(subject, own, dims, bool(draws.values))
    _check_names(subject, own, draws)
    check_program(subject, program, data, capture=capture)
    check_new_tasks(subject, own, dims, draws)
    check_relations(subject, own, dims, draws, weights)
    if isinstance(own, AbstractGaussianTaskPrior):
        check_moments(subject, own, dims)


def _check_weights(subject: str, prior: AbstractTaskPrior, dims: Dims) -> tuple[SiteDraws, Tensor]:
    expected = (dims.tasks, *dims.weights)
    rule, remedy = f"{subject}: weights", "Return [..., tasks, features, outputs]."
    with torch.no_grad(), runs(rule, "Read the cause below."), seeded(0):
        plain = poutine.block(prior.weights)(dims)
    require(tuple(plain.shape) == expected, rule, f"shape {expected}", tuple(plain.shape), remedy)
    require(bool(torch.isfinite(plain).all()), rule, "finite numbers", "others", "Check the scales.")
    with torch.no_grad(), runs(f"{rule} of several draws at once", _FROM_THE_RIGHT):
        draws = draw_sites(prior.weights, dims)
        at = draws.values or {"_none": torch.zeros(draws.number, 1)}
        weights = at_draws(lambda: prior.weights(dims), at)
    # without any site to vary, there is nothing that an axis of draws could come from
    leading = weights.shape[:-3]
    require(
        tuple(weights.shape[-3:]) == expected and tuple(leading) in ((draws.number,), (1,), ()),
        f"{subject}: weights of {draws.number} particles",
        f"shape {(draws.number, *expected)}",
        tuple(weights.shape),
        remedy,
    )
    return draws, weights.expand(draws.number, *expected)


def _check_seed(subject: str, prior: AbstractTaskPrior, dims: Dims, random: bool) -> None:
    def sample(seed: int) -> Tensor:
        with torch.no_grad(), seeded(seed):
            weights: Tensor = poutine.block(prior.weights)(dims)
            return weights

    rule = f"{subject}: sampling"
    with seeded(0), untouched(rule, "numpy"):
        poutine.block(prior.weights)(dims)
    require(torch.equal(sample(1), sample(1)), rule, "the same draw from the same seed", "another", _SITES)
    if random:
        require(
            not torch.equal(sample(1), sample(2)), rule, "other draws from another seed", "the same", _SITES
        )


def _check_names(subject: str, prior: AbstractTaskPrior, draws: SiteDraws) -> None:
    for site, names in prior.dim_names.items():
        if site in draws.values:
            value = draws.values[site]
            axes = value.dim() - 1 if site in draws.plated else value.dim() - 2
            require(
                len(names) == axes,
                f"{subject}: dim_names['{site}']",
                f"{axes} names" + (", 'task' first" if site in draws.plated else ""),
                names,
                "Name each axis of the site's own shape.",
            )


def _check_file(prior: AbstractTaskPrior) -> None:
    name = type(prior).__name__
    if getattr(priors, name, None) is not type(prior):
        return
    with runs(f"{name}: writing it to a file and reading it back", "Use settings of plain types."):
        again = encode(decode(encode(prior)))
    require(
        again == encode(prior) and "foreign" not in repr(again),
        f"{name}: writing it to a file and reading it back",
        encode(prior),
        again,
        "Use settings of plain types and Pyro's own distributions.",
    )


def _check_one_task(prior: AbstractTaskPrior, likelihood: AbstractLikelihood) -> None:
    """A prior may refuse a single task, with an error of the library's own."""
    data = example_data(likelihood, tasks=1)
    with runs(f"{type(prior).__name__}: one task", "Refuse it with an UnsupportedError that says why."):
        try:
            program = MultiTaskModel(prior, likelihood).program(data)
            draw_sites(program, program.batch(data), draws=1)
        except BayesMTLError:
            return
    _check_on(prior, likelihood, data, capture=False)


_SITES = "Draw random numbers by pyro.sample alone, and never set a seed."
_FROM_THE_RIGHT = (
    "Count axes from the right, as in value[..., None, None] or value.sum(-3): further axes of draws stand "
    "on the left, and a 1 in place of the tasks where a site does not vary by task."
)
