"""Log evidence of one Gaussian task, with its gradient in closed form."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bayes_mtl.inference._white_system import is_shared, times, white_system

_LOG_2PI = math.log(2 * math.pi)


class LogEvidence(torch.autograd.Function):
    r"""``log N(r; X m, sigma^2 I + X R R' X')`` from sums over the rows of each task.

    With ``A = I + R' X'X R / sigma^2`` and ``h = R' X'(r - X m) / sigma^2`` it is
    ``-[n log 2 pi sigma^2 + log|A| + S / sigma^2 - h' A^-1 h] / 2`` (Bakker and Heskes, JMLR 2003,
    equation 3, in the white weights): no covariance is inverted, so zero spread is no special case.

    The gradient follows from Fisher's identity, the posterior expectation of the complete data's
    gradient: a few products, where differentiating through the Cholesky factor takes four times as long.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Tensor) -> Tensor:
        xx, xy, yy, n, mean, root, inverse = arguments
        system = white_system(xx, xy, yy, mean, root, inverse)
        factor = torch.linalg.cholesky(system.precision)
        covariance = torch.cholesky_inverse(factor)
        half = _half(factor, system.center)
        # by the factor: a product with the inverse has lost all digits where targets are 10^4 noise sds wide
        white = torch.linalg.solve_triangular(factor.mT, half, upper=True).squeeze(-1)
        ctx.save_for_backward(*arguments, system.turned, system.error, system.residual, covariance, white)
        return _log(n, inverse, factor, half, system.residual)

    @staticmethod
    @once_differentiable  # the intermediates that it reuses carry no second derivative
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        _, xy, yy, n, mean, root, inverse, turned, error, residual, covariance, white = ctx.saved_tensors
        (gradient,) = gradients
        scaled = gradient * inverse
        deviation = times(white.unsqueeze(-2), root.mT).squeeze(-2)  # of the weights from their mean
        explained = (turned * white.unsqueeze(-1)).sum(-2)
        left = residual + (deviation * (explained - 2 * error)).sum(-1)
        spread = (root.shape[-1] - covariance.diagonal(dim1=-2, dim2=-1).sum(-1)) / inverse
        for_inverse = 0.5 * gradient * (n / inverse - left - spread)
        error = scaled.unsqueeze(-1) * (error - explained)  # X'(r - X w) at the weights' posterior mean
        weighted = scaled[..., None, None] * covariance
        if is_shared(root):  # summed over the tasks by one product each
            size, columns = root.shape[-2:]
            for_root = error.reshape(-1, size).mT @ white.reshape(-1, columns)
            for_root = for_root - turned.reshape(-1, size).mT @ weighted.reshape(-1, columns)
            for_root = for_root.reshape(root.shape)
        else:
            for_root = _fold(error.unsqueeze(-1) * white.unsqueeze(-2) - turned.mT @ weighted, root)
        return (
            None,
            _fold(scaled.unsqueeze(-1) * (mean + deviation), xy) if ctx.needs_input_grad[1] else None,
            _fold(-0.5 * scaled, yy) if ctx.needs_input_grad[2] else None,
            None,
            _fold(error, mean),
            for_root,
            _fold(for_inverse, inverse),
        )


def log_evidence(*arguments: Tensor) -> Tensor:
    """`LogEvidence` of ``xx, xy, yy, n, mean, root, inverse``, ``[..., tasks, (components)]``."""
    if not torch.is_grad_enabled() or not any(argument.requires_grad for argument in arguments):
        return _value(*arguments)
    value: Tensor = LogEvidence.apply(*arguments)  # type: ignore[no-untyped-call]
    return value


def _value(
    xx: Tensor, xy: Tensor, yy: Tensor, n: Tensor, mean: Tensor, root: Tensor, inverse: Tensor
) -> Tensor:
    """The value alone, without what its gradient would need: half the time."""
    system = white_system(xx, xy, yy, mean, root, inverse)
    factor = torch.linalg.cholesky(system.precision)
    return _log(n, inverse, factor, _half(factor, system.center), system.residual)


def _half(factor: Tensor, center: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(factor, center.unsqueeze(-1), upper=False)


def _log(n: Tensor, inverse: Tensor, factor: Tensor, half: Tensor, residual: Tensor) -> Tensor:
    log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    fit = half.squeeze(-1).square().sum(-1) - inverse * residual
    return 0.5 * (n * (inverse.log() - _LOG_2PI) + fit) - log_det


def _fold(gradient: Tensor, like: Tensor) -> Tensor:
    """Sum a gradient over the axes along which its argument was broadcast."""
    return gradient.sum_to_size(like.shape) if gradient.shape != like.shape else gradient
