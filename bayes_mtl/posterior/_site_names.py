"""Which sites are the likelihood's own, and what the axes of every site are called."""

import torch
from pyro import poutine
from pyro.infer.autoguide.initialization import InitMessenger
from pyro.poutine.util import site_is_subsample

from bayes_mtl._hidden import hidden
from bayes_mtl._seed import seeded
from bayes_mtl.likelihoods import Mixed
from bayes_mtl.model import Program
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.posterior._missing_likelihood import MissingLikelihood

_KNOWN = {
    "mean": ("feature", "output"),
    "scale": ("feature", "output"),
    "correlation": ("feature", "feature_bis"),
    "task_correlation": ("task", "task_bis"),
    "direction": ("feature", "output", "rank"),
    "strength": ("rank",),
    "cutpoint_increments": ("cutpoint",),
}


def likelihood_sites(program: Program) -> frozenset[str]:
    """Names of the sites that the likelihood samples."""
    if isinstance(program.likelihood, MissingLikelihood):
        return frozenset(program.likelihood.sites)
    # Any value will do for a name, and flat priors have no draws.
    ones = InitMessenger(lambda site: torch.ones(site["fn"].shape()))
    with seeded(0), torch.no_grad(), hidden(), ones:
        dims = program.dims(tasks=range(len(program.schema.tasks)))
        nodes = poutine.trace(program.likelihood.parameters).get_trace(dims).nodes
    return frozenset(n for n, s in nodes.items() if s["type"] == "sample" and not site_is_subsample(s))


def kinds_of_tasks(program: Program) -> dict[str, tuple[int, ...]]:
    """Positions of the tasks behind each axis of tasks, by its name."""
    axes = {f"task_{name}" if name else "task": tasks for name, tasks in program.kinds}
    axes["task"] = tuple(range(len(program.schema.tasks)))
    if isinstance(program.likelihood, Mixed):
        for kind in program.likelihood.kinds:
            name = f"task_{kind.name}"
            # tasks that share weights may differ from those that share a likelihood
            axes[name if axes.get(name, kind.tasks) == kind.tasks else f"{name}_likelihood"] = kind.tasks
    return axes


def axis_names(
    program: Program, name: str, shape: tuple[int, ...], *, plated: bool, own: frozenset[str]
) -> tuple[str, ...]:
    """Names of the axes of one site.

    Parameters
    ----------
    name, shape
        The site, and its shape without the axis of draws.
    plated
        Whether its first axis is that of the tasks.
    own
        Sites of the likelihood: their axes are never features or outputs.
    """
    kind, _, site = name.rpartition("/")
    axes = kinds_of_tasks(program)
    task = f"task_{kind}" if kind else "task"
    if name in own and f"{task}_likelihood" in axes:
        task = f"{task}_likelihood"
    sizes = {"task": len(axes.get(task, ())), "feature": len(program.features), "output": program.outputs}
    own_names = program.network.dim_names if isinstance(program.network, AbstractStochasticNetwork) else {}
    known = {**_KNOWN, **program.prior.dim_names, **own_names}.get(site, ())
    if plated and known[:1] != ("task",):
        known = ("task", *known)
    fits = len(known) == len(shape) and all(
        sizes.get(dim.removesuffix("_bis"), size) == size for dim, size in zip(known, shape, strict=True)
    )
    # axes of the likelihood's sites and of a network's are never features or outputs
    guess = name not in own and not name.startswith("network.")
    dims = known if fits else _guessed(name, shape, sizes, plated=plated, guess=guess)
    return tuple(task + dim[4:] if dim in ("task", "task_bis") else dim for dim in dims)


def _guessed(
    name: str, shape: tuple[int, ...], sizes: dict[str, int], *, plated: bool, guess: bool
) -> tuple[str, ...]:
    """Names by sizes, where a size has one meaning; neutral ones elsewhere."""
    dims: list[str] = ["task"] if plated else []
    rest = shape[len(dims) :]
    if guess and rest == (sizes["feature"], sizes["output"]):
        return (*dims, "feature", "output")
    for i, size in enumerate(rest):
        meant = [dim for dim, other in sizes.items() if other == size > 1]
        dim = meant[0] if guess and len(meant) == 1 else f"{name}_dim_{i}"
        dims.append(f"{dim}_bis" if dim in dims else dim)
    return tuple(dims) if len(set(dims)) == len(dims) else tuple(f"{name}_dim_{i}" for i in range(len(shape)))
