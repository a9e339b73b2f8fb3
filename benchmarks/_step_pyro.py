"""The models of the step benchmark as a user of Pyro writes them, and a timed side: plain or traced."""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import SVI, JitTrace_ELBO, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from torch import Tensor

Guide = Callable[..., object]


def clusters(tasks: int, size: int, components: int = 4) -> tuple[Callable[..., None], Guide]:
    """A: regressions whose weights come from a mixture of Gaussians, its assignments summed out."""

    def model(x: Tensor, task: Tensor, y: Tensor, factor: Tensor) -> None:
        share = pyro.sample("share", dist.Dirichlet(torch.ones(components)))
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0).expand([components, size]).to_event(2))
        sd = pyro.sample("sd", dist.HalfNormal(1.0).expand([components, size]).to_event(2))
        noise = pyro.sample("noise", dist.HalfNormal(1.0))
        with pyro.plate("tasks", tasks, dim=-1):
            w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([size]).to_event(1).mask(False))
            each = dist.Normal(mean, sd).to_event(1).log_prob(w.unsqueeze(-2)) + share.log()
            pyro.factor("mixture", each.logsumexp(-1))
        with pyro.plate("rows", len(y), dim=-1), poutine.scale(scale=factor):
            pyro.sample("y", dist.Normal((x * w[task]).sum(-1), noise), obs=y)

    return model, AutoNormal(model)


def logistic(tasks: int, size: int) -> tuple[Callable[..., None], Guide]:
    """B: logistic regressions whose weights come from one Gaussian."""

    def model(x: Tensor, task: Tensor, y: Tensor, factor: Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
        sd = pyro.sample("sd", dist.HalfNormal(1.0).expand([size]).to_event(1))
        with pyro.plate("tasks", tasks, dim=-1):
            white = pyro.sample("white", dist.Normal(0.0, 1.0).expand([size]).to_event(1))
        w = mean + sd * white
        with pyro.plate("rows", len(y), dim=-1), poutine.scale(scale=factor):
            pyro.sample("y", dist.Bernoulli(logits=(x * w[task]).sum(-1)), obs=y)

    return model, AutoNormal(model)


def related(tasks: int, size: int, classes: int, spread: float = 0.5) -> tuple[Callable[..., None], Guide]:
    """C: classifiers, each one's prior a Gumbel-softmax mixture of the others' current posteriors."""
    itself = torch.eye(tasks, dtype=torch.bool)

    def moments() -> tuple[Tensor, Tensor]:
        shape = (tasks, size, classes)
        return (
            pyro.param("loc", lambda: 0.01 * torch.randn(shape)),
            pyro.param("log_sd", lambda: torch.full(shape, -2.3)).exp(),
        )

    def model(x: Tensor, task: Tensor, y: Tensor, factor: Tensor) -> None:
        loc, sd = (value.detach() for value in moments())
        logits = pyro.param("logits", lambda: torch.zeros(tasks, tasks))
        with pyro.plate("tasks", tasks, dim=-1):
            noise = pyro.sample("noise", dist.Gumbel(torch.zeros(tasks), 1.0).to_event(1))
            share = (logits + noise).masked_fill(itself, -torch.inf).log_softmax(-1)
            w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([size, classes]).to_event(2).mask(False))
            each = dist.Normal(loc, (sd.square() + spread**2).sqrt()).log_prob(w.unsqueeze(-3)).sum(-2)
            pyro.factor("mixture", (share.unsqueeze(-1) + each).logsumexp(-2).sum(-1))
        f = (x @ w)[task, torch.arange(len(y))]  # of all tasks: cheaper than a copy of w for each row
        with pyro.plate("rows", len(y), dim=-1), poutine.scale(scale=factor):
            pyro.sample("y", dist.Categorical(logits=f), obs=y)

    def guide(x: Tensor, task: Tensor, y: Tensor, factor: Tensor) -> None:
        loc, sd = moments()
        with pyro.plate("tasks", tasks, dim=-1):
            pyro.sample("noise", dist.Gumbel(torch.zeros(tasks), 1.0).to_event(1))
            pyro.sample("w", dist.Normal(loc, sd).to_event(2))

    return model, guide


def main(path: Path, how: str) -> None:
    """Answer each number of steps that comes in with the seconds that they took."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = np.load(path)
    x, y, task = (torch.tensor(data[name]) for name in ("x", "y", "task"))
    case, size = str(data["case"]), int(data["batch"]) or len(y)
    tasks, classes = int(task.max()) + 1, int(y.max()) + 1
    model, guide = {
        "A": lambda: clusters(tasks, x.shape[1]),
        "B": lambda: logistic(tasks, x.shape[1]),
        "C": lambda: related(tasks, x.shape[1], classes),
    }[case]()
    elbo = JitTrace_ELBO(ignore_jit_warnings=True) if how == "jit" else Trace_ELBO()
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.01}), elbo)
    factor = torch.tensor(len(y) / size)

    def step() -> None:
        if size == len(y):
            svi.step(x, task, y, factor)
        else:
            index = torch.randint(len(y), (size,))
            svi.step(x[index], task[index], y[index], factor)

    for _ in range(5):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
