"""Our side of the benchmarks of chains and of time to quality."""

import json
import re
import statistics
import sys
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import nutpie
import torch

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.inference import NUTS, SVI, Collapsed, PopulationMonteCarlo
from bayes_mtl.likelihoods import Bernoulli, Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._held_out import log_densities, mean_log_density

Record = dict[str, Any]


def problem(data: dict[str, np.ndarray]) -> tuple[MultiTaskModel, TaskData]:
    """The model as it is written with the library; the data come standardised."""
    known = data.get("noise")
    # The first column is constant: the intercept that the library adds itself.
    rows = TaskData.from_arrays(data["x"][:, 1:], data["y"], data["task"], noise=known)
    gaussian = Gaussian(noise="shared" if known is None else "known")
    likelihood = Bernoulli() if bool(data["binary"]) else gaussian
    prior = Hierarchical(covariance="full" if bool(data["full"]) else "diagonal")
    return MultiTaskModel(prior, likelihood, standardize=False), rows


class Sampling:
    """In place of ``nutpie.sample``: keeps its time and the steps of every iteration, warm-up included."""

    def __init__(self) -> None:
        self._sample = nutpie.sample
        self.wall = self.cpu = 0.0
        self.steps = np.empty(0)

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        settings["save_warmup"] = True
        began, used = time.perf_counter(), time.process_time()
        found = self._sample(*arguments, **settings)
        self.wall, self.cpu = time.perf_counter() - began, time.process_time() - used
        both = [np.asarray(found[name]["n_steps"]) for name in ("warmup_sample_stats", "sample_stats")]
        self.steps = np.concatenate(both, 1)
        return found


def arrays(posterior: Posterior, chains: int) -> dict[str, np.ndarray]:
    """Draws under the names of the others, ``[chains, draws, ...]``."""
    draws = {name: value.double().numpy() for name, value in posterior.draws.items()}
    found = {"weights": draws["weights"][..., 0]}
    for name, own in {"mean": "mean", "scale": "scale"}.items():
        found[name] = draws[own][:, 0, :, 0]
    if "correlation" in draws:
        root = draws["correlation"][:, 0]
        found["correlations"] = root @ root.swapaxes(-1, -2)
    if "noise_scale" in draws:
        found["noise"] = draws["noise_scale"][:, 0]
    return {name: value.reshape(chains, -1, *value.shape[1:]) for name, value in found.items()}


def _sampled(model: MultiTaskModel, rows: TaskData, settings: dict[str, Any]) -> tuple[Posterior, Record]:
    """Chains, and what they took."""
    sampling = Sampling()
    nutpie.sample = sampling
    nuts = NUTS(
        draws=settings["draws"],
        warmup=settings["warmup"],
        chains=settings["chains"],
        target_accept=settings["target_accept"],
        compile=True,
        progress=False,
    )
    began = time.perf_counter()
    inference = Collapsed(nuts) if settings["method"] == "Collapsed(NUTS)" else nuts
    posterior = inference.run(model, rows, seed=settings["seed"])
    setup = time.perf_counter() - began - sampling.wall
    return posterior, {"wall": sampling.wall, "cpu": sampling.cpu, "setup": setup, "steps": sampling.steps}


def _repeated(
    model: MultiTaskModel, rows: TaskData, inference: Collapsed, seed: int = 0
) -> tuple[Posterior, Record]:
    """The whole fit: the median of five, and how much longer the first of the process took."""
    walls, cpus = [], []
    for _ in range(6):
        began, used = time.perf_counter(), time.process_time()
        posterior = inference.run(model, rows, seed=seed)
        walls.append(time.perf_counter() - began)
        cpus.append(time.process_time() - used)
    wall, cpu = statistics.median(walls[1:]), statistics.median(cpus[1:])
    return posterior, {"wall": wall, "cpu": cpu, "setup": walls[0] - wall}


def _curve(
    model: MultiTaskModel, rows: TaskData, data: dict[str, np.ndarray], settings: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Steps of one training, timed; and what trainings that end earlier hold, which takes no time of it.

    The same seed gives the same steps, so a shorter training is the beginning of the longer one.
    """
    times: list[tuple[float, float]] = []

    def tick(step: int, loss: float) -> None:
        times.append((time.perf_counter(), time.process_time()))

    svi = SVI(steps=settings["steps"], compile=True, progress=False, on_step=tick)
    began = time.perf_counter()
    svi.run(model, rows, seed=settings["seed"])
    found = np.array(times)
    found = found - found[0]  # the first step compiles
    curve = []
    for steps in dict.fromkeys([n for n in (200, 500, 1_000, 2_000) if n < len(found)] + [len(found)]):
        posterior = replace(svi, steps=steps, on_step=None).run(model, rows, seed=settings["seed"])
        draws = arrays(posterior, 1)
        noise = draws["noise"][0] if "noise" in draws else None
        each = log_densities(draws["weights"][0], noise, data["x_test"], data["task_test"], data["y_test"])
        curve.append((*found[steps - 1], mean_log_density(each)))
    return {"record_curve": np.array(curve), "record_setup": np.array(times[0][0] - began)}


def main(path: str, out: str, text: str) -> None:
    """One method on one file of data."""
    warnings.filterwarnings("error", message=".*uncompiled")
    torch.set_num_threads(1)
    settings, data = json.loads(text), dict(np.load(path))
    model, rows = problem(data)
    if settings["method"] == "Collapsed":
        posterior, record = _repeated(model, rows, Collapsed())
    elif settings["method"] == "Collapsed(PopulationMonteCarlo)":
        draws = settings["draws"] * settings["chains"]
        inference = Collapsed(PopulationMonteCarlo(draws=draws, progress=False))
        posterior, record = _repeated(model, rows, inference, settings["seed"])
        effective, points = re.findall(r"([\d,]+) (?:effective|points)", posterior.record.stopped)
        record["effective"], record["steps"] = (float(n.replace(",", "")) for n in (effective, points))
    elif settings["method"] == "SVI":
        np.savez(out, **_curve(model, rows, data, settings))
        return
    else:
        posterior, record = _sampled(model, rows, settings)
    found = arrays(posterior, settings.get("chains", 1))
    np.savez(out, **found, **{f"record_{name}": value for name, value in record.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
