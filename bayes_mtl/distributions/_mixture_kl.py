"""Divergence of a Gaussian from a mixture of Gaussians, by the three definitions in use."""

import torch
from torch import Tensor

from bayes_mtl.distributions._task_mixture import Divergence, TaskMixture


def mixture_kl(
    mean: Tensor,
    sd: Tensor,
    means: Tensor,
    sds: Tensor,
    weights: Tensor,
    *,
    divergence: Divergence = "mixture",
    draws: int = 10_000,
) -> Tensor:
    """KL divergence of ``N(mean, diag sd^2)`` from the mixture ``sum_i weights_i N(means_i, diag sds_i^2)``.

    The true one has no closed form and is estimated by Monte Carlo, with log-sum-exp. The two that have one
    are other quantities: the convex bound ``sum_i weights_i KL(q, N_i)``, never below the true divergence,
    and the divergence from the Gaussian of a weighted average of independent draws, with mean
    ``sum_i weights_i means_i`` and variance ``sum_i weights_i^2 sds_i^2``, which is another prior altogether.

    Parameters
    ----------
    mean, sd
        ``[..., features]``.
    means, sds
        ``[..., sources, features]``.
    weights
        ``[..., sources]``, with sum 1.
    divergence
        ``"mixture"`` (the true one), ``"convex"`` or ``"moments"``.
    draws
        Of the Monte-Carlo estimate, from torch's random numbers.

    Returns
    -------
    Tensor
        ``[...]``, in nats.

    References
    ----------
    Hershey and Olsen, Approximating the Kullback Leibler divergence between Gaussian mixture models (ICASSP
    2007): sections 2 and 4; the convex bound is the one of Shen et al. (NeurIPS 2021).

    Examples
    --------
    >>> import torch
    >>> from bayes_mtl.distributions import mixture_kl
    >>> near, far = torch.zeros(1), torch.tensor([[0.0], [5.0]])
    >>> one, half = torch.ones(1), torch.tensor([0.5, 0.5])
    >>> for divergence in ("mixture", "convex", "moments"):
    ...     found = mixture_kl(near, one, far, torch.ones(2, 1), half, divergence=divergence)
    ...     print(f"{divergence}: {float(found):.1f}")
    mixture: 0.7
    convex: 6.2
    moments: 6.4
    """
    prior = TaskMixture(means.unsqueeze(-1), sds.unsqueeze(-1), weights.log().unsqueeze(-1), divergence)
    own = torch.distributions.Normal(mean.unsqueeze(-1), sd.unsqueeze(-1))
    if divergence == "mixture":
        values = own.rsample(torch.Size([draws]))
        return (own.log_prob(values).sum((-2, -1)) - prior.log_prob(values)).mean(0)
    if divergence == "moments":
        other = torch.distributions.Normal(prior.mean, prior.variance.sqrt())
        return torch.distributions.kl_divergence(own, other).sum((-2, -1))
    sources = torch.distributions.Normal(means, sds)
    each = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean.unsqueeze(-2), sd.unsqueeze(-2)), sources
    )
    return (weights * each.sum(-1)).sum(-1)
