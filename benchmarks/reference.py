"""Eight schools and rats against their reference draws: error of means in posterior sds, ratio of sds."""

import json
import time
from pathlib import Path

import numpy as np
import torch
from pyro.distributions import HalfCauchy, ImproperUniform, Normal, constraints
from pyro.infer.autoguide import AutoMultivariateNormal

from bayes_mtl import MultiTaskModel, Posterior, TaskData
from bayes_mtl.diagnostics import check
from bayes_mtl.inference import NUTS, SVI, AbstractInference, Collapsed
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from benchmarks._report import Report, arguments, outside_data


def eight_schools(folder: Path) -> tuple[MultiTaskModel, TaskData, dict[str, np.ndarray]]:
    """Model, data and reference draws by name."""
    stored = json.loads((folder / "eight_schools.json").read_text())
    y, sigma = np.asarray(stored["y"], float), np.asarray(stored["sigma"], float)
    data = TaskData.from_arrays(np.empty((len(y), 0)), y, np.arange(len(y)), noise=sigma)
    prior = Hierarchical(mean=Normal(0.0, 5.0), scale=HalfCauchy(5.0), covariance="diagonal")
    model = MultiTaskModel(prior, Gaussian(noise="known"), standardize=False)
    draws = np.load(folder / "eight_schools_draws.npz")
    theta = np.stack([draws[f"theta[{j + 1}]"] for j in range(len(y))], -1)
    return model, data, {"theta": theta, "mu": draws["mu"], "tau": draws["tau"]}


def rats(folder: Path) -> tuple[MultiTaskModel, TaskData, dict[str, np.ndarray]]:
    """Model, data and reference draws by name."""
    stored = json.loads((folder / "rats_data.json").read_text())
    x, y, rat = (np.asarray(stored[name], float) for name in ("x", "y", "rat"))
    data = TaskData.from_arrays((x - stored["xbar"])[:, None], y, rat.astype(int), feature_names=["day"])
    flat = ImproperUniform(constraints.positive, torch.Size(), torch.Size())
    # Five weighings determine a rat's line well: the weights themselves are the better unknowns.
    prior = Hierarchical(mean=Normal(0.0, 100.0), scale=flat, covariance="diagonal", centered=True)
    model = MultiTaskModel(prior, Gaussian(scale=flat), standardize=False)
    return model, data, dict(np.load(folder / "rats_draws.npz").items())


def draws_of(posterior: Posterior, case: str) -> dict[str, np.ndarray]:
    """The library's draws under the reference's names, ``[draws, ...]``."""
    found = {name: value.double().numpy() for name, value in posterior.draws.items()}
    weights, mean, scale = found["weights"][..., 0], found["mean"][:, 0, :, 0], found["scale"][:, 0, :, 0]
    if case == "eight schools":
        return {"theta": weights[..., 0], "mu": mean[:, 0], "tau": scale[:, 0]}
    return {
        "alpha": weights[..., 0],
        "beta": weights[..., 1],
        "mu_alpha": mean[:, 0],
        "mu_beta": mean[:, 1],
        "sigma_alpha": scale[:, 0],
        "sigma_beta": scale[:, 1],
        "sigma_y": found["noise_scale"][:, 0],
    }


def compare(found: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> tuple[float, float, str]:
    """Largest error of a mean in posterior sds, largest relative error of an sd, and where the first is."""
    errors, spreads = {}, {}
    for name, draws in found.items():
        exact = np.asarray(reference[name]).reshape(-1, *draws.shape[1:])
        errors[name] = np.max(np.abs(draws.mean(0) - exact.mean(0)) / exact.std(0))
        spreads[name] = np.max(np.abs(draws.std(0) / exact.std(0) - 1))
    return max(errors.values()), max(spreads.values()), max(errors, key=errors.__getitem__)


def main() -> None:
    """Run every inference on both models."""
    options = arguments(__doc__ or "")
    folder = outside_data("reference")
    if folder is None:
        return
    # Reference draws number 2,000: their own error is 0.022 sds, 0.07 at the worst of 65 means.
    size = 200 if options.quick else 2500
    nuts = NUTS(draws=size, warmup=min(size, 500), chains=4, progress=False)
    steps = 1000 if options.quick else 20_000
    rich = SVI(guide=AutoMultivariateNormal, particles=16, steps=steps, draws=4000, progress=False)
    inferences: dict[str, AbstractInference] = {
        "Collapsed(NUTS)": Collapsed(nuts),
        "NUTS": nuts,
        "SVI, full rank": rich,
        "SVI, default guide": SVI(particles=16, steps=steps, draws=4000, progress=False),
    }
    report = Report("reference")
    for case, make in (("eight schools", eight_schools), ("rats", rats)):
        model, data, reference = make(folder)
        for name, inference in inferences.items():
            if options.only and not any(part in name for part in options.only):
                continue
            began = time.perf_counter()
            posterior = inference.run(model, data, seed=0)
            seconds = time.perf_counter() - began
            error, spread, where = compare(draws_of(posterior, case), reference)
            report.add(case, name, f"error of means (max: {where})", error, None, "posterior sds")
            report.add(case, name, "error of sds (max)", 100 * spread, None, "%")
            report.add(case, name, "seconds", seconds, None, "s")
            print(check(posterior))
    report.finish()


if __name__ == "__main__":
    main()
