"""A posterior as a notebook shows it."""

from typing import TYPE_CHECKING

from bayes_mtl._html import card, some

if TYPE_CHECKING:
    from bayes_mtl.posterior._posterior import Posterior


def describe(posterior: "Posterior") -> str:
    """HTML: the model, the names, and how the fit went; nothing is computed."""
    program, record = posterior.program, posterior.record
    chains = f" in {record.chains} chains" if record.chains > 1 else ""
    network = "" if program.network is None else type(program.network).__name__
    facts = {
        "prior": program.prior,
        "likelihood": program.likelihood,
        "network": network,
        "tasks": f"{len(posterior.tasks):,}: {some(posterior.tasks)}",
        "weights of each task": some(posterior.features),
        "weights of all": some(program.schema.fixed),
        "outputs": "" if program.outputs == 1 else some(program.schema.classes or range(program.outputs)),
        "draws": f"{posterior.number:,}{chains}",
        "fitted": f"by {record.method} to {record.observations:,} observations in {record.seconds:.1f} s",
        "stopped": record.stopped,
        "divergences": record.divergences or "",
    }
    sites = {name: " × ".join(map(str, draws.shape[1:])) for name, draws in posterior.draws.items()}
    settings = {"seed": record.seed, "device": record.device, **record.settings, **record.versions}
    return card("Posterior", facts, {"Sites and their sizes": sites, "Settings and versions": settings})
