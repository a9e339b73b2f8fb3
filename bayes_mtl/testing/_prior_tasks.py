"""What a prior says of tasks: new ones, and how they are related."""

from dataclasses import replace

import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError
from bayes_mtl._seed import seeded
from bayes_mtl._shapes import Dims
from bayes_mtl.priors import AbstractTaskPrior, at_draws
from bayes_mtl.testing._randomness import untouched
from bayes_mtl.testing._require import require, runs
from bayes_mtl.testing._site_draws import SiteDraws

_NEW = 3


def check_new_tasks(subject: str, prior: AbstractTaskPrior, dims: Dims, draws: SiteDraws) -> None:
    """New tasks get weights of the right shape, or an error with a reason."""
    known = {name: value for name, value in draws.values.items() if name not in draws.plated}
    known = known or {"_none": torch.zeros(draws.number, 1)}
    features = dims.task_features
    new = replace(
        dims,
        tasks=_NEW,
        name="new_tasks",
        task_features=None if features is None else torch.linspace(-1, 1, _NEW)[:, None] * features[:1],
    )
    rule = f"{subject}: weights of {_NEW} new tasks"
    with torch.no_grad(), runs(rule, "Define new_weights, or let it raise UnsupportedError with the reason."):
        try:
            with seeded(0):
                weights = at_draws(lambda: prior.new_weights(new), known)
        except UnsupportedError as error:
            require(
                len(str(error).split()) > 4,
                f"{subject}: refusing new tasks",
                "an UnsupportedError that gives the reason",
                repr(str(error)),
                "Say why, and which prior does it.",
            )
            return
    expected = (draws.number, _NEW, *dims.weights)
    _require_weights(rule, weights, expected)
    with torch.no_grad(), seeded(1):
        other = at_draws(lambda: prior.new_weights(new), known)
    same = bool((weights[:, :1] == weights[:, 1:2]).all())
    require(
        same == bool((weights == other).all()),
        rule,
        "one draw for each new task",
        "the same draw for all of them",
        "Sample them inside 'with dims.plate():'.",
    )


def check_relations(
    subject: str, prior: AbstractTaskPrior, dims: Dims, draws: SiteDraws, weights: Tensor
) -> None:
    """`align`, `derive` and `relatedness` keep their shapes and draw no random numbers."""
    given = {**draws.values, "weights": weights}
    rule, remedy = f"{subject}: align, derive and relatedness", "They get draws [draws, tasks or 1, *event]."
    with torch.no_grad(), untouched(rule), runs(rule, remedy):
        aligned = prior.align(given, dims)
        derived = prior.derive(aligned, dims)
        related = prior.relatedness({**aligned, **derived}, dims)
    changed = [
        name for name, value in given.items() if name not in aligned or aligned[name].shape != value.shape
    ]
    require(
        not changed,
        f"{subject}: align",
        "every site with its shape",
        f"{changed} changed",
        "Permute labels only.",
    )
    for name, value in derived.items():
        places = (draws.number, dims.tasks), (draws.number, 1)
        require(
            tuple(value.shape[:2]) in places,
            f"{subject}: the derived quantity '{name}'",
            "shape [draws, tasks or 1, ...]",
            tuple(value.shape),
            "Keep the axis of tasks, as a 1 where there is one value for all.",
        )
    expected = (draws.number, dims.tasks, dims.tasks)
    require(
        tuple(related.shape) == expected,
        f"{subject}: relatedness",
        f"shape {expected}",
        tuple(related.shape),
        "Return one matrix of tasks a draw.",
    )
    require(
        bool(torch.isfinite(related).all()) and torch.allclose(related, related.mT, atol=1e-5),
        f"{subject}: relatedness",
        "finite symmetric matrices",
        related[0].tolist(),
        "Relate two tasks in the same way in either order.",
    )


def _require_weights(rule: str, weights: Tensor, expected: tuple[int, ...]) -> None:
    try:
        shape = tuple(torch.broadcast_shapes(weights.shape, expected))
    except RuntimeError:
        shape = tuple(weights.shape)
    right = shape == expected and tuple(weights.shape[-3:]) == expected[-3:]
    require(
        right and bool(torch.isfinite(weights).all()),
        rule,
        f"finite numbers of shape {expected}",
        f"shape {tuple(weights.shape)}" if not right else "infinite or undefined ones",
        "Return [..., tasks, features, outputs].",
    )
