"""Operations that are written out for the compiler: as torch's own, and left alone where they are large."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from bayes_mtl.inference._small_algebra import SMALL_ALGEBRA


def captured(function: Callable[..., Tensor], *inputs: Tensor) -> GraphModule:
    """Value and gradients of a function, as the graph of a step holds them."""

    def both(*given: Tensor) -> list[Tensor]:
        leaves = [value.detach().requires_grad_() for value in given]
        value = function(*leaves)
        weights = torch.linspace(1.0, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape)
        return [value.detach(), *torch.autograd.grad((weights * value).sum(), leaves)]

    return make_fx(both, decomposition_table=SMALL_ALGEBRA)(*inputs)


def names(graph: GraphModule) -> set[object]:
    return {node.target for node in graph.graph.nodes}


def matrix(size: int, *before: int) -> Tensor:
    root = torch.randn(*before, size, size, dtype=torch.float64)
    return root @ root.mT + torch.eye(size, dtype=torch.float64)


CASES: dict[str, Callable[[int], tuple[Callable[..., Tensor], tuple[Tensor, ...]]]] = {
    "cholesky": lambda n: (torch.linalg.cholesky, (matrix(n, 5),)),
    "cholesky_inverse": lambda n: (
        lambda a: torch.cholesky_inverse(torch.linalg.cholesky(a)),
        (matrix(n, 5),),
    ),
    "solve lower": lambda n: (
        lambda a, b: torch.linalg.solve_triangular(torch.linalg.cholesky(a), b, upper=False),
        (matrix(n, 3, 1), torch.randn(4, n, 2, dtype=torch.float64)),
    ),
    "solve upper": lambda n: (
        lambda a, b: torch.linalg.solve_triangular(torch.linalg.cholesky(a).mT, b, upper=True),
        (matrix(n), torch.randn(n, 2, dtype=torch.float64)),
    ),
    "mm": lambda n: (torch.mm, (torch.randn(7, n), torch.randn(n, 2))),
    "bmm": lambda n: (torch.bmm, (torch.randn(6, 2, n), torch.randn(6, n, 3))),
    "many bmm": lambda n: (torch.bmm, (torch.randn(2_000, 2, n), torch.randn(2_000, n, 3))),
    "cumsum": lambda n: (lambda a: a.cumsum(0), (torch.randn(n, 3),)),
    "cumprod": lambda n: (lambda a: a.cumprod(-1), (torch.randn(3, n),)),
}


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_operation(case: str, size: int) -> None:
    torch.manual_seed(size)
    function, inputs = CASES[case](size)
    graph = captured(function, *inputs)
    leaves = [value.requires_grad_() for value in inputs]
    value = function(*leaves)
    weights = torch.linspace(1.0, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape)
    known = [value.detach(), *torch.autograd.grad((weights * value).sum(), leaves)]
    for mine, own in zip(graph(*(leaf.detach() for leaf in leaves)), known, strict=True):
        # the same operations but for the order of sums
        torch.testing.assert_close(mine, own, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_small_ones_are_written_out(case: str) -> None:
    function, inputs = CASES[case](3)
    left = names(make_fx(function, decomposition_table=SMALL_ALGEBRA)(*inputs)) & set(SMALL_ALGEBRA)
    assert not left


@pytest.mark.parametrize("case", CASES)
def test_large_ones_are_left_alone(case: str) -> None:
    function, inputs = CASES[case](400)
    assert names(make_fx(function, decomposition_table=SMALL_ALGEBRA)(*inputs)) & set(SMALL_ALGEBRA)


@pytest.mark.parametrize("size", [1, 3])
def test_no_factor_is_no_number(size: int) -> None:
    """What is not positive definite must not pass for a finite, or an infinitely good, density."""
    zero = torch.zeros(2, size, size, dtype=torch.float64)
    good = zero + torch.eye(size, dtype=torch.float64)
    graph = make_fx(torch.linalg.cholesky_ex, decomposition_table=SMALL_ALGEBRA)(good)
    assert bool(graph(zero)[0].isnan().any())
    assert bool(graph(-good)[0].isnan().any())
    torch.testing.assert_close(graph(good)[0], good)


def test_kinds_of_numbers_stay() -> None:
    for value in (torch.arange(3), torch.arange(3, dtype=torch.int32), torch.ones(3, dtype=torch.bool)):
        for function in (partial(torch.cumsum, dim=0), partial(torch.cumprod, dim=0)):
            mine = make_fx(function, decomposition_table=SMALL_ALGEBRA)(value)(value)
            torch.testing.assert_close(mine, function(value))
