"""Whether a program can be captured as one graph that holds at other values."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl.data import Batch
from bayes_mtl.model import Program
from bayes_mtl.testing._require import require, runs
from bayes_mtl.testing._site_draws import SiteDraws, log_densities, together

_REMEDY = (
    "Do not branch on sampled values, call .item() or use numpy on them: write torch.where, and let "
    "shapes depend on sizes alone."
)


def check_capture(subject: str, program: Program, batch: Batch, draws: SiteDraws) -> None:
    """Capture log-density and gradients at one draw, and compare with plain evaluation at another."""
    names = list(draws.values)

    def density(*values: Tensor) -> Sequence[Tensor]:
        leaves = [value.detach().requires_grad_() for value in values]
        at = SiteDraws(dict(zip(names, leaves, strict=True)), draws.plated)
        total = torch.stack(
            [d.sum() for d in log_densities(together(program, (batch,), at), 1).values()]
        ).sum()
        gradients = torch.autograd.grad(total, leaves, allow_unused=True) if leaves else ()
        return [total.detach(), *(torch.zeros(()) if g is None else g for g in gradients)]

    def draw(number: int) -> list[Tensor]:
        return [value[number : number + 1].clone() for value in draws.values.values()]

    with runs(f"{subject}: capturing the log-density as one graph", _REMEDY):
        graph = make_fx(density)(*draw(0))
        captured = graph(*draw(draws.number - 1))
    for found, expected in zip(captured, density(*draw(draws.number - 1)), strict=True):
        # the same operations in the same order
        require(
            torch.allclose(found, expected, rtol=1e-9, atol=1e-9),
            f"{subject}: the log-density and gradients that were captured at other values",
            "those of plain evaluation",
            f"a difference of {float((found - expected).detach().abs().max()):.3g}",
            _REMEDY,
        )
