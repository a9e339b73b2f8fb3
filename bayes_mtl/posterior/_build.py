"""From the latent sites that an inference drew to a posterior."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bayes_mtl.model import Program
from bayes_mtl.networks import AbstractStochasticNetwork
from bayes_mtl.posterior._fit_record import FitRecord
from bayes_mtl.posterior._kinds import AUXILIARY, kinds
from bayes_mtl.posterior._posterior import Posterior
from bayes_mtl.priors import at_draws


def build_posterior(program: Program, latents: Mapping[str, Tensor], record: FitRecord) -> Posterior:
    """Complete draws of the latent sites by the weights and what the prior derives from them.

    Parameters
    ----------
    program
        The fitted program, on the CPU.
    latents
        ``[draws, tasks or 1, *event]`` for each site. Where ``weights`` are among them and the prior does
        not sample them itself (collapsed inference), they are kept as they are.
    record
        What happened during the fit.
    """
    draws = {name: value.detach().cpu() for name, value in latents.items()}
    task_features = program.task_features
    with torch.no_grad():
        if "weights" not in draws or len(program.kinds) > 1:
            weights = at_draws(lambda: program.weights(task_features), draws)
            number = next(iter(draws.values())).shape[0]
            draws["weights"] = weights.expand(number, *weights.shape[-3:])
        # the weights of one kind of tasks are among those of all
        skip = {f"{name}/weights" for name, _ in program.kinds}
        draws = {k: v for k, v in draws.items() if k not in skip}
        for kind in kinds(program, draws, task_features):
            aligned = program.prior.align(kind.draws, kind.dims)
            derived = program.prior.derive(aligned, kind.dims)
            for name, value in {**aligned, **derived}.items():
                if name != "weights":
                    draws[kind.full_name(name)] = value
    if isinstance(program.network, AbstractStochasticNetwork):
        draws |= program.network.derive(len(draws["weights"]))
    draws = {k: v for k, v in draws.items() if k.rsplit("/", 1)[-1] not in AUXILIARY}
    return Posterior(program.eval(), {name: value.float() for name, value in draws.items()}, record)
