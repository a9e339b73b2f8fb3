"""Logarithm of the regularised upper incomplete gamma function, differentiable in both arguments."""

import torch
from torch import Tensor

_NODES = 128
_GRID = 44
_CUT = 45.0
"""Nats below the peak at which the integrand is cut: rounding of float64 is at 36."""


def log_upper_gamma(a: Tensor, x: Tensor) -> Tensor:
    r"""Log of ``Q(a, x) = Gamma(a, x) / Gamma(a)``, the survival function of ``Gamma(a, 1)`` at ``x``.

    Parameters
    ----------
    a
        Concentration, positive; broadcasts against ``x``.
    x
        Point, not negative.

    Returns
    -------
    Tensor
        Not larger than 0 but for rounding. Absolute error about 1e-9 in float64, and in float32
        that of ``lgamma(a)``.

    Notes
    -----
    ``torch.special.gammaincc`` has no derivative in ``a`` and underflows. Here

    $$\Gamma(a, x) = e^{-x} \int_0^\infty (x + v)^{a-1} e^{-v} dv,$$

    with ``v = exp(t - exp(-t))``, by the trapezoid rule in ``t``: it converges geometrically, and this
    substitution makes the integrand fall double exponentially on both sides (Takahasi and Mori, 1974), so
    that no node is spent on tails. Only the nodes depend on values, and they are constants to autograd:
    the derivative of the sum is the quadrature of the derivative.
    """
    a, x = torch.broadcast_tensors(a, x)
    x = x.clamp_min(torch.finfo(x.dtype).tiny)
    with torch.no_grad():
        start, step = _nodes(a, x)
    t = start.unsqueeze(-1) + step.unsqueeze(-1) * torch.arange(_NODES, device=x.device, dtype=x.dtype)
    log_sum = _log_integrand(a.unsqueeze(-1), x.unsqueeze(-1), t).logsumexp(-1)
    return log_sum + step.log() - x - torch.lgamma(a)


def _log_integrand(a: Tensor, x: Tensor, t: Tensor) -> Tensor:
    squeeze = (-t).exp()
    log_v = t - squeeze
    v = log_v.exp()
    return (a - 1.0) * (x + v).log() - v + log_v + squeeze.log1p()


def _nodes(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """First node and step: from where the integrand has fallen by the cut to where it has again.

    In ``log v`` it has one peak, where ``v^2 + (x - a) v - x = 0``. How far it reaches on either side is
    looked up on a grid of distances, each a quarter larger than the one before.
    """
    tiny = torch.finfo(x.dtype).tiny
    b = a - x
    root = (b.square() + 4.0 * x).sqrt()
    # of the two forms of the solution, the one that does not cancel
    v = torch.where(b > 0, 0.5 * (b + root), 2.0 * x / (root - b).clamp_min(tiny)).clamp_min(tiny)
    log_v = v.log()
    peak = torch.where(log_v > 0, log_v, -(1.0 - log_v).log())
    for _ in range(4):  # Newton on t - exp(-t) = log v
        squeeze = (-peak).exp()
        peak = peak - (peak - squeeze - log_v) / (1.0 + squeeze)
    top = _log_integrand(a, x, peak).unsqueeze(-1)
    distance = 1e-3 * 1.25 ** torch.arange(_GRID, device=x.device, dtype=x.dtype)

    def reach(sign: float) -> Tensor:
        at = (peak.unsqueeze(-1) + sign * distance).clamp(-5.0, 80.0)
        inside = _log_integrand(a.unsqueeze(-1), x.unsqueeze(-1), at) > top - _CUT
        return distance[inside.sum(-1).clamp_max(_GRID - 1)]

    left, right = reach(-1.0), reach(1.0)
    return peak - left, (left + right) / (_NODES - 1)
