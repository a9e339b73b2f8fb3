"""A network trained in 16 bits: how far off its gradients are, and what stays in float32."""

from typing import Literal, TypeAlias

import numpy as np
import pytest
import torch
from torch import Tensor

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.inference import SVI, NetworkTraining
from bayes_mtl.inference._batches_of import batches_of
from bayes_mtl.inference._compiled_step import CompiledStep
from bayes_mtl.inference._eager_step import EagerStep
from bayes_mtl.inference._local import local_parameters
from bayes_mtl.inference._make_guide import make_guide
from bayes_mtl.inference._parts import Parts
from bayes_mtl.inference._trained_network import TrainedNetwork
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.networks import MLP
from bayes_mtl.priors import Hierarchical


def rows() -> TaskData:
    random = np.random.default_rng(0)
    x, task = random.normal(size=(400, 6)), np.arange(400) % 4
    return TaskData.from_arrays(x, np.tanh(x[:, :3].sum(1)) + 0.1 * random.normal(size=400), task)


MODEL = MultiTaskModel(Hierarchical(covariance="diagonal"), Gaussian(), network=MLP(6, (64, 16)))


Precision: TypeAlias = Literal["float32", "bfloat16"]


def made(precision: Precision) -> Parts:
    data, settings = rows(), NetworkTraining(precision=precision, learning_rate=0.01)
    program = MODEL.program(data).train()
    batches, epoch = batches_of(program, data, None, 1.0, 0, torch.device("cpu"))
    network = TrainedNetwork(program, settings, data, epoch, 0.01)
    return Parts.of(program, make_guide(None, program, {}), batches, 4, 0.01, network)


def stepped(precision: Precision, compiled: bool | None = None, steps: int = 1) -> tuple[list[float], Parts]:
    with local_parameters():
        torch.manual_seed(0)
        parts = made(precision)
        drawn = parts.batches.draw()
        step = EagerStep(parts) if compiled is None else CompiledStep(parts, drawn, compiled=compiled)
        torch.manual_seed(1)
        return [float(step(drawn)) for _ in range(steps)], parts


def moments(parts: Parts) -> Tensor:
    """Adam's first moment of the network's parameters: a tenth of the first gradient."""
    network = parts.program.network  # type: ignore[attr-defined]
    return torch.cat([parts.optimiser.state[p]["exp_avg"].flatten() for p in network.parameters()])


def test_error_of_gradients() -> None:
    (exact,), full = stepped("float32")
    (loss,), half = stepped("bfloat16")
    gradient, known = moments(half), moments(full)
    error = float((gradient - known).norm() / known.norm())
    # A number has 8 bits, so a relative error of 0.2 % by rounding; two layers forth and back, with sums over
    # hundreds of products whose errors are independent.
    assert 1e-4 < error < 0.02
    assert loss == pytest.approx(exact, rel=0.01)


def test_only_the_network_is_in_16_bits() -> None:
    with local_parameters():
        parts = made("bfloat16")
        batch = parts.program.batch(rows())  # type: ignore[attr-defined]
        seen: list[torch.dtype] = []
        parts.program.seam.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))  # type: ignore
        inside: list[torch.dtype] = []
        parts.program.network.register_forward_hook(lambda _m, _i, out: inside.append(out.dtype))  # type: ignore
        parts.program(batch)
        parts.program.eval()  # type: ignore[attr-defined]
        parts.program(batch)
    assert inside == [torch.bfloat16, torch.float32]
    assert seen == [torch.float32, torch.float32]
    assert all(p.dtype == torch.float32 for p in parts.learned.tensors().values() if p.is_floating_point())


def test_captured_as_it_is() -> None:
    eager, one = stepped("bfloat16", steps=3)
    captured, other = stepped("bfloat16", compiled=False, steps=3)
    # the same operations; sums of float32 in another order
    np.testing.assert_allclose(captured, eager, rtol=1e-4)
    torch.testing.assert_close(
        moments(other), moments(one), rtol=1e-2, atol=1e-2 * float(moments(one).abs().max())
    )


def test_learns_the_same() -> None:
    data = rows()
    errors = []
    precisions: tuple[Precision, Precision] = ("float32", "bfloat16")
    for precision in precisions:
        network = NetworkTraining(precision=precision, learning_rate=0.01)
        svi = SVI(steps=300, network=network, draws=50, compile=False, progress=False)
        found = svi.run(MODEL, data).predict(data.x, data.task)
        errors.append(float(np.mean((np.asarray(found.mean) - data.y) ** 2)))
    # The targets' variance is about 0.5, their noise's 0.01.
    assert max(errors) < 0.05
    assert errors[1] < 1.5 * errors[0]


@pytest.mark.usefixtures("unchecked")
def test_says_what_it_takes() -> None:
    with pytest.raises(InputError, match="bfloat16"):
        NetworkTraining(precision="float16")  # type: ignore[arg-type]
