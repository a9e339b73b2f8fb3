"""Draws of the generalised inverse Gaussian family, and their derivatives by its parameters."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import UnsupportedError, message
from bayes_mtl.distributions._gig_integral import gig_mean_log, log_gig_integral

_ROUNDS = 24
_LEGENDRE = np.polynomial.legendre.leggauss(64)
_CUT = 50.0
"""Nats from a draw outwards at which the integrals of the derivatives end."""


def draw_log_gig(order: Tensor, chi: Tensor, phi: Tensor, shape: torch.Size) -> Tensor:
    """Draws of ``log g``, of the shape given, without derivatives.

    ``log g`` has a log-concave density. Devroye (Random variate generation for the generalized inverse
    Gaussian distribution, 2014) draws from a uniform part around its mode and an exponential part on
    either side, and accepts with a probability that is bounded from below over all parameters: the
    smallest seen is 0.66. There is no loop until all are accepted, which no captured program could
    have: of 24 proposals the first accepted one is taken. That none is has probability below 1e-11.
    """
    with torch.no_grad():
        mode, big, small, sign = _centre(order, chi, phi)
        right, left = _reach(big, small), _reach(small, big)
        above, slope_above = _drop(right, big, small), _slope(right, big, small)
        below, slope_below = _drop(left, small, big), _slope(left, small, big)
        edge_right, edge_left = right - above / slope_above, left - below / slope_below
        middle, tail_right, tail_left = edge_right + edge_left, 1.0 / slope_above, 1.0 / slope_below
        where, place, height = torch.rand((3, _ROUNDS, *shape), dtype=mode.dtype, device=mode.device).unbind(
            0
        )
        where = where * (middle + tail_right + tail_left)
        fall = (1.0 - place).log()  # of the open interval
        in_middle, in_right = where < middle, where < middle + tail_right
        outside = torch.where(in_right, edge_right - tail_right * fall, tail_left * fall - edge_left)
        s = torch.where(in_middle, middle * place - edge_left, outside)
        accepted = (1.0 - height).log() + torch.where(in_middle, 0.0, fall) <= -_drop(s, big, small)
        first = accepted.to(torch.uint8).argmax(0, keepdim=True)
        return mode + sign * s.gather(0, first).squeeze(0)


def _centre(order: Tensor, chi: Tensor, phi: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mode of ``log g``; its density at ``mode + sign * s`` falls by ``_drop(s, big, small)``."""
    size = order.abs()
    big = 0.5 * (size + torch.hypot(order, chi.sqrt() * phi.sqrt()))
    small = 0.25 * chi * (phi / big)
    upward = order >= 0
    # big is half of phi g, or half of chi / g; the one that is divided by is positive
    mode = torch.where(upward, (2.0 * big).log() - phi.log(), chi.log() - (2.0 * big).log())
    return mode, big, small, torch.where(upward, 1.0, -1.0).to(mode.dtype)


def _expm1(s: Tensor) -> Tensor:
    """Finite everywhere: infinity times a parameter that is 0 would be NaN."""
    return torch.expm1(s.clamp_max(math.log(torch.finfo(s.dtype).max) - 2.0))


def _drop(s: Tensor, rise: Tensor, fall: Tensor) -> Tensor:
    return rise * (_expm1(s) - s) + fall * (_expm1(-s) + s)


def _slope(s: Tensor, rise: Tensor, fall: Tensor) -> Tensor:
    return rise * _expm1(s) - fall * _expm1(-s)


def _reach(rise: Tensor, fall: Tensor) -> Tensor:
    """Distance in the direction of the rise at which the density has fallen by about one nat.

    Newton's method from the right of the root of a convex function: each step stays on the right.
    """
    s = _bound(torch.zeros_like(rise), rise, fall, 1.0)
    for _ in range(4):
        s = s - (_drop(s, rise, fall) - 1.0) / _slope(s, rise, fall)
    return s


def _bound(slope: Tensor, rise: Tensor, fall: Tensor, cut: float) -> Tensor:
    """Not smaller than the ``s`` at which ``slope * s + _drop(s, rise, fall)`` is the cut."""
    tiny = torch.finfo(rise.dtype).tiny
    share = cut / fall.clamp_min(1e-18)
    by_fall = 0.5 * (share + share.sqrt() * (share + 8.0).sqrt())
    by_rise = 2.0 * torch.asinh((0.5 * cut / rise.clamp_min(tiny)).sqrt())
    by_slope = cut / slope.clamp_min(tiny)
    return torch.minimum(torch.minimum(torch.where(rise > tiny, by_rise, math.inf), by_fall), by_slope)


class LogGIGDraw(torch.autograd.Function):
    """The draws themselves, with ``-dF / f`` as their derivatives (implicit reparameterisation).

    ``F`` is the distribution function of ``x = log g`` and ``f`` its density. With ``a`` the derivative of
    the log density's numerator by a parameter, ``dF(x) = integral_-inf^x f (a - mean a)``, which is minus
    the integral from ``x`` to infinity. Taken outwards from the mode, ``f`` falls all the way, as does
    its logarithm's slope, and Gauss-Legendre nodes as far as it is within reach are exact to rounding.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(order: Tensor, chi: Tensor, phi: Tensor, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, by_draw: Tensor) -> tuple[Tensor | None, ...]:
        order, chi, phi, x = saved = ctx.saved_tensors
        with torch.no_grad():
            slopes = _slopes(order, chi, phi, x, ctx.needs_input_grad[:3])
        if torch.is_grad_enabled():
            slopes = tuple(None if s is None else _Once.apply(s, *saved) for s in slopes)  # type: ignore[no-untyped-call]
        found = (None if s is None else (by_draw * s).sum_to_size(order.shape) for s in slopes)
        return (*found, None)


class _Once(torch.autograd.Function):
    """A slope as it is, whose own derivative is an error: torch's `once_differentiable` can be silent."""

    generate_vmap_rule = True

    @staticmethod
    def forward(slope: Tensor, *parameters: Tensor) -> Tensor:
        return slope.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, by_slope: Tensor) -> tuple[Tensor | None, ...]:
        found = "its second derivative"
        remedy = "Differentiate the density twice, or use draws without derivatives."
        raise UnsupportedError(message("rsample", "first derivatives of a draw", found, remedy))


def _slopes(
    order: Tensor, chi: Tensor, phi: Tensor, x: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Derivatives of the draws ``x`` by order, chi and phi, those that are wanted."""
    by_chi, by_phi = 0.5 * chi * (-x).exp(), 0.5 * phi * x.exp()
    slope = order + by_chi - by_phi
    upward = slope <= 0
    rise, fall = torch.where(upward, by_phi, by_chi), torch.where(upward, by_chi, by_phi)
    sign = torch.where(upward, 1.0, -1.0).to(x.dtype)
    reach = _bound(slope.abs(), rise, fall, _CUT)
    nodes, weights = (torch.tensor(0.5 * v, dtype=x.dtype, device=x.device) for v in _LEGENDRE)
    w = reach.unsqueeze(-1) * (nodes + 0.5)
    falls = slope.abs().unsqueeze(-1) * w + _drop(w, rise.unsqueeze(-1), fall.unsqueeze(-1))
    density = sign.unsqueeze(-1) * reach.unsqueeze(-1) * weights * (-falls).exp()
    at = x.unsqueeze(-1) + sign.unsqueeze(-1) * w
    integral = log_gig_integral(order, chi, phi)
    by_order = by_inverse = by_value = None
    if wanted[0]:
        mean = gig_mean_log(order, chi, phi)
        by_order = (density * (at - mean.unsqueeze(-1))).sum(-1)
    if wanted[1]:
        mean = (log_gig_integral(order - 1.0, chi, phi) - integral).exp()
        by_inverse = 0.5 * (density * (mean.unsqueeze(-1) - (-at).exp())).sum(-1)
    if wanted[2]:
        mean = (log_gig_integral(order + 1.0, chi, phi) - integral).exp()
        by_value = 0.5 * (density * (mean.unsqueeze(-1) - at.exp())).sum(-1)
    return by_order, by_inverse, by_value
