"""Logarithm of the modified Bessel function of the second kind, differentiable in order and argument."""

from typing import Any

import torch
from torch import Tensor


def log_bessel_k(order: Tensor, z: Tensor, *, scaled: bool = False) -> Tensor:
    r"""Log of ``K_order(z)``, the modified Bessel function of the second kind.

    Parameters
    ----------
    order
        Any real number; broadcasts against ``z`` and is taken in its dtype. ``K`` is even in it.
    z
        Positive. Below the smallest normal number of its dtype it counts as that number.
    scaled
        Whether to return ``log(K_order(z)) + z`` instead, which for large ``z`` keeps the digits that
        are lost when ``z`` is added afterwards.

    Returns
    -------
    Tensor
        Of the broadcast shape. In float64 its absolute error (the relative one of ``K``) was below 2e-13
        for ``|order| <= 60``, ``1e-3 <= z <= 1e3``, and below 1e-11 for ``|order| <= 1000``,
        ``1e-100 <= z <= 1e6`` where the logarithm is below 1000; where it is larger, its relative error
        was below 1e-14. In float32 it is rounding of ``z`` and of ``order * log(order / z)``. What is left
        of large arguments after scaling has an error of about the rounding of ``sqrt(z)``: 1e-10 at 1e12.

    Notes
    -----
    With ``R = sqrt(z^2 + order^2)``, the substitution ``t = s + asinh(order / z)`` centres the integrand of

    $$K_\nu(z) = \int_0^\infty e^{-z \cosh t} \cosh(\nu t)\,dt$$

    at its peak, where its logarithm is a sum of terms of one sign:
    ``(R + order) / 2 * (s + 1 - e^s) + (R - order) / 2 * (1 - s - e^-s)``. The trapezoid rule converges
    geometrically for such an integrand (Trefethen and Weideman, The exponentially convergent trapezoidal
    rule, SIAM Review 2014), so that 64 nodes are enough in float64 and 32 in float32. As ``z`` falls, the
    integrand grows a plateau as long as ``-log z``. So nodes are placed for ``z`` down to 1e-6 only (3e-4
    in float32); below, ``K`` solves ``d^2 K / d(log z)^2 = order^2 K`` to rounding, whose solution from
    there on is closed.

    The first derivatives are means of ``t * tanh(order * t)`` and of ``z * cosh(t)`` under the integrand
    and cost no second pass; derivatives of all orders exist. There is no branch on values.
    """
    order, z = torch.broadcast_tensors(order.to(z.dtype), z)
    z = z.clamp_min(torch.finfo(z.dtype).tiny)
    order = torch.where(order < 0, -order, order)  # abs has no second derivative at 0
    inside = z.clamp_min(_SMALLEST[z.dtype])
    if torch.is_grad_enabled() and (order.requires_grad or z.requires_grad):
        value, excess, *_ = _LogBesselK.apply(order, inside)  # type: ignore[no-untyped-call]
    else:
        value, excess, *_ = _quadrature(order, inside, moments=False)
    # from `inside` to z: log(cosh(order * far) + slope * sinh(order * far) / order), which is 0 at far = 0
    far = inside.log() - z.log()  # the quotient overflows
    decay = -2.0 * order * far
    flat = decay > -1e-6
    series = far * (1.0 + decay * (0.5 + decay / 6.0))
    sinh = torch.where(flat, series, -torch.expm1(decay) / (2.0 * torch.where(flat, 1.0, order)))
    beyond = (0.5 * (1.0 + decay.exp()) + (excess + inside) * sinh).log() - 0.5 * decay
    result: Tensor = value + beyond + (z - inside)
    return result if scaled else result - z


_SMALLEST = {torch.float64: 1e-6, torch.float32: 3e-4}
"""From this argument down the square of the argument no longer matters."""
_NODES = {torch.float64: 64, torch.float32: 32}
_CUT = {torch.float64: 36.0, torch.float32: 18.0}
"""Nats below the peak at which the integrand is cut: those of the dtype's rounding."""


def _quadrature(order: Tensor, z: Tensor, moments: bool) -> tuple[Tensor, ...]:
    """``log K + z``, mean of ``b - z``; and the mean of ``a`` and its covariance with ``b``.

    ``a = t * tanh(order * t)`` and ``b = z * cosh(t)`` are the derivatives of the integrand's logarithm by
    order and, but for the sign, by ``log z``. All is differentiable as it stands.
    """
    root, peak = torch.hypot(z, order), torch.asinh(order / z)
    rise = 0.5 * (root + order)
    fall = 0.25 * z * (z / rise)
    count = torch.arange(_NODES[z.dtype], device=z.device, dtype=z.dtype)
    with torch.no_grad():
        left, step = _window(order, root, peak, _CUT[z.dtype], _NODES[z.dtype])
        s = step.unsqueeze(-1) * count - left.unsqueeze(-1)
        t = s + peak.unsqueeze(-1)
    s = s - (peak - peak.detach()).unsqueeze(-1)  # constant are the nodes in t
    up = torch.expm1(s)
    down = -up / (1.0 + up)
    grows, falls = rise.unsqueeze(-1) * up, fall.unsqueeze(-1) * down
    half = torch.where(count == 0, 0.5, 1.0)
    weight = half * ((rise - fall).unsqueeze(-1) * s - grows - falls).exp()
    echo = (-2.0 * order.unsqueeze(-1) * t).exp()
    both = weight * (1.0 + echo)
    total = both.sum(-1)
    shift = order * (order / (root + z))  # root - z
    value = order * peak - shift + (0.5 * step * total).log()
    excess = grows + falls
    mean_excess = (both * excess).sum(-1) / total
    if not moments:
        return value, mean_excess + shift
    turned = weight * (1.0 - echo) * t
    mean = turned.sum(-1) / total
    return value, mean_excess + shift, mean, (turned * excess).sum(-1) / total - mean * mean_excess


def _window(order: Tensor, root: Tensor, peak: Tensor, cut: float, nodes: int) -> tuple[Tensor, Tensor]:
    """Distance of the first node to the peak, and step.

    The integrand has fallen by the cut at both ends, or it starts at ``t = 0``, of which it is an even
    function. Right of the peak the fall is at least ``R (cosh s - 1)``; left, at a distance ``u``, at
    least ``order * u^2 / (2 + u)``.
    """
    right = 2.0 * torch.asinh((0.5 * cut / root).sqrt())
    share = cut / order.clamp_min(1e-12)
    left = torch.minimum(0.5 * (share + (share * (share + 8.0)).sqrt()), peak)
    return left, (left + right) / (nodes - 1)


class _LogBesselK(torch.autograd.Function):
    """The quadrature with its first derivatives from the same nodes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(order: Tensor, z: Tensor) -> tuple[Tensor, ...]:
        return _quadrature(order, z, moments=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(*inputs, *output[1:])

    @staticmethod
    def backward(ctx: Any, by_value: Tensor, by_excess: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        order, z, excess, mean, covariance = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody asked for derivatives of the derivatives
            excess, mean, covariance = _quadrature(order, z, moments=True)[1:]
        # The excess is used below the last argument of the nodes only, where z is constant.
        return by_value * mean + by_excess * covariance, -by_value * excess / z
