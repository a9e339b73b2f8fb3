"""From a captured graph to machine code."""

import logging
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.inference._entry import Entry
from bayes_mtl.inference._vector_instructions import compiler_knows_all

Result = TypeVar("Result")


_GATHERED = "gathered"
"""Mark of graphs that gather the same numbers many times."""
_KEPT = 16
_compiled: "OrderedDict[tuple[object, ...], Callable[..., Any]]" = OrderedDict()
"""Machine code of the latest graphs: fits of one model to many data sets of one shape compile once."""


def compile_graph(graph: GraphModule, inputs: Sequence[Tensor]) -> Callable[..., Any]:
    """Machine code of a graph for inputs of these shapes, kept in the compiler's cache on disk.

    Random numbers are torch's own, in the order of the graph. The code of a graph that was compiled before,
    with inputs like these, is used again.

    Raises
    ------
    UnsupportedError
        Where the compiler fails: its reason.
    """
    key = _key(graph, inputs)
    found = _compiled.get(key)
    if found is None:
        found = _compiled[key] = _machine_code(graph, inputs)
    _compiled.move_to_end(key)
    while len(_compiled) > _KEPT:
        _compiled.popitem(last=False)
    return found


def _key(graph: GraphModule, inputs: Sequence[Tensor]) -> tuple[object, ...]:
    """All that the machine code follows from: operations, what the graph keeps, and kinds of inputs."""
    kept = tuple(
        (node.target, _value(getattr(graph, node.target)))
        for node in graph.graph.nodes
        if node.op == "get_attr"
    )
    kinds = tuple((value.dtype, tuple(value.shape), value.stride(), str(value.device)) for value in inputs)
    return graph.code, kept, kinds, torch.get_num_threads()


def _value(kept: object) -> object:
    """What tells a kept value from another."""
    return (kept.dtype, kept.shape, tuple(kept.flatten().tolist())) if isinstance(kept, Tensor) else object()


def _machine_code(graph: GraphModule, inputs: Sequence[Tensor]) -> Callable[..., Any]:
    import torch._inductor as inductor  # the compiler takes a second to import
    from torch._guards import TracingContext, tracing
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    on_cpu = all(value.device.type == "cpu" for value in inputs)
    options: dict[str, Any] = {
        "fallback_random": True,
        "cpp_wrapper": on_cpu,
        "cpp.threads": torch.get_num_threads(),
        "size_asserts": not on_cpu,  # a tenth of a short step; callers see to their inputs' shapes
        # The last, partly filled vector of a short loop: in float64 quicker number by number.
        "cpp.enable_loop_tail_vec": all(value.dtype != torch.float64 for value in inputs),
        "triton.cudagraphs": False,  # `CudaGraph` records the step, whose state changes in place
    }
    if graph.meta.get(_GATHERED):
        # Otherwise what is gathered is calculated anew for every row that asks for it.
        options |= {"realize_reads_threshold": 2, "realize_opcount_threshold": 8}
    # With a context of tracing, which torch.compile would make, the cache on disk takes part.
    context = TracingContext(FakeTensorMode(shape_env=ShapeEnv()))
    try:
        if on_cpu:
            options["cpp.vec_isa_ok"] = compiler_knows_all()
        with torch.no_grad(), tracing(context), _quiet():
            run = inductor.compile(graph, [value.detach() for value in inputs], options=options)
        return Entry(run) if on_cpu else run
    except Exception as error:
        raise UnsupportedError(f"the compiler stopped with {type(error).__name__}: {error}") from error


def compile_or_warn(attempt: Callable[[], Result], method: str) -> Result | None:
    """What ``attempt`` returns; None, and a warning with the reason, where it fails."""
    try:
        return attempt()
    except Exception as error:  # noqa: BLE001  a user's model may do anything at all
        warnings.warn(
            f"{method} goes on uncompiled, which is slower but gives the same result: {error}. "
            "Pass compile=False to leave it at that.",
            stacklevel=2,
        )
        return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the compiler's remarks on its own ways; its errors come through."""
    logger = logging.getLogger("torch._inductor")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def constants_as_inputs(graph: GraphModule) -> list[Tensor]:
    """Make inputs of the tensors that capturing had kept inside: they are neither copied nor hashed."""
    found: dict[str, list[Any]] = {}
    last = None
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            last = node
        elif node.op == "get_attr" and isinstance(getattr(graph, node.target), Tensor):
            found.setdefault(node.target, []).append(node)
    constants: list[Tensor] = []
    for name, nodes in found.items():
        value = getattr(graph, name)
        if value.numel() == 1 and not value.is_floating_point():
            continue
        with graph.graph.inserting_after(last):
            last = graph.graph.placeholder(f"constant_{len(constants)}")
        for node in nodes:
            node.replace_all_uses_with(last)
            graph.graph.erase_node(node)
        delattr(graph, name)
        constants.append(value.detach())
    graph.meta[_GATHERED] = any(_is_large_gather(node) for node in graph.graph.nodes)
    for node in graph.graph.nodes:
        node.meta.pop("val", None)  # what was traced stays alive otherwise, and stands in the compiler's way
    graph.recompile()
    return constants


def _is_large_gather(node: Node) -> bool:
    """Whether every number is gathered four times or more on average: parameters of tasks by many rows."""
    if node.target is not torch.ops.aten.index_select.default:
        return False
    source: Any = node.args[0]
    numbers = [value.meta["val"].numel() for value in (node, source) if "val" in value.meta]
    return len(numbers) == 2 and numbers[0] >= 4 * numbers[1] > 4
