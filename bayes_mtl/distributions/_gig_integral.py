"""Logarithm of the normalising integral of the generalised inverse Gaussian family, limits included."""

import math

import torch
from torch import Tensor

from bayes_mtl.distributions._log_bessel_k import log_bessel_k


def log_gig_integral(order: Tensor, chi: Tensor, phi: Tensor, *, scaled: bool = False) -> Tensor:
    r"""Log of ``integral_0^inf g^(order-1) exp(-(chi / g + phi g) / 2) dg``, elementwise.

    With both parameters positive, that is ``2 K_order(sqrt(chi phi)) (chi / phi)^(order / 2)``; at
    ``chi = 0 < order`` it is the integral of the gamma density, at ``phi = 0 > order`` that of the
    inverse gamma density, and infinity where it does not exist.

    Parameters
    ----------
    order
        Any real number.
    chi, phi
        Not negative. At a limit the derivative by the parameter that is 0 is the one-sided one where
        that is finite, else 0.
    scaled
        Whether ``sqrt(chi phi)`` is added, see `log_bessel_k`.
    """
    order, chi, phi = torch.broadcast_tensors(order, chi, phi)
    inside = (chi > 0) & (phi > 0)
    # Where an entry is a limit, the formula of the inside is fed with ones, and the other way round:
    # what is not used must be finite, or its gradient is not 0 but NaN.
    one, other = torch.where(inside, chi, 1.0), torch.where(inside, phi, 1.0)
    z = one.sqrt() * other.sqrt()
    value = math.log(2.0) + log_bessel_k(order, z, scaled=True) + 0.5 * order * (one.log() - other.log())
    if not scaled:
        value = value - z
    left, absent = torch.where(chi > 0, chi, phi), torch.where(chi > 0, phi, chi)
    concentration = torch.where(chi > 0, -order, order)
    proper = ~inside & (concentration > 0) & (left > 0)
    concentration = torch.where(proper, concentration, 1.0)
    rate = torch.where(proper, 0.5 * left, 1.0)
    steep = concentration > 1
    slope = torch.where(steep, rate / (torch.where(steep, concentration, 2.0) - 1.0), 0.0)
    limit = torch.lgamma(concentration) - concentration * rate.log() - 0.5 * slope * absent
    return torch.where(inside, value, torch.where(proper, limit, math.inf))


def gig_mean_log(order: Tensor, chi: Tensor, phi: Tensor) -> Tensor:
    """Mean of ``log g``: the derivative of the log integral by the order."""
    grad = torch.is_grad_enabled() and any(each.requires_grad for each in (order, chi, phi))
    with torch.enable_grad():
        if not order.requires_grad:
            order = order.detach().requires_grad_()
        total = log_gig_integral(order, chi, phi).sum()
        (mean,) = torch.autograd.grad(total, order, create_graph=grad)
    return mean
