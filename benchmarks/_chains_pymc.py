"""The hierarchical models of the benchmarks of chains in PyMC and Bambi, sampled by nutpie."""

import json
import sys
import time

import numpy as np
import nutpie
import pymc as pm


def program(data, centred):
    """Regressions or classifiers whose weights come from one Gaussian population."""
    x, task, tasks, size = data["x"], data["task"], int(data["tasks"]), data["x"].shape[1]
    with pm.Model() as model:
        mean = pm.Normal("mean", 0.0, 1.0, shape=size)
        if bool(data["full"]):
            root, _, _ = pm.LKJCholeskyCov(
                "root", n=size, eta=1.0, sd_dist=pm.HalfNormal.dist(1.0, shape=size), compute_corr=True
            )
        else:
            scale = pm.HalfNormal("scale", 1.0, shape=size)
        if not centred:
            white = pm.Normal("white", 0.0, 1.0, shape=(tasks, size))
            w = pm.Deterministic("weights", mean + (white @ root.T if bool(data["full"]) else white * scale))
        elif bool(data["full"]):
            w = pm.MvNormal("weights", mean, chol=root, shape=(tasks, size))
        else:
            w = pm.Normal("weights", mean, scale, shape=(tasks, size))
        f = (x * w[task]).sum(-1)
        if bool(data["binary"]):
            pm.Bernoulli("y", logit_p=f, observed=data["y"])
        else:
            noise = data["noise"] if "noise" in data else pm.HalfNormal("noise", 1.0)
            pm.Normal("y", f, noise, observed=data["y"])
    return model


def bambi_program(data):
    """The same in Bambi, whose effects of a group are independent of each other."""
    import bambi
    import pandas as pd

    names = [f"x{i}" for i in range(1, data["x"].shape[1])]
    frame = pd.DataFrame(data["x"][:, 1:], columns=names).assign(y=data["y"], task=data["task"].astype(str))
    inside = " + ".join(["1", *names])
    normal, half = bambi.Prior("Normal", mu=0.0, sigma=1.0), bambi.Prior("HalfNormal", sigma=1.0)
    effect = bambi.Prior("Normal", mu=0.0, sigma=half)
    priors = {"Intercept": normal, "1|task": effect}
    priors.update({name: normal for name in names}, **{f"{name}|task": effect for name in names})
    if not bool(data["binary"]):
        priors["sigma"] = half
    model = bambi.Model(
        f"y ~ {inside} + ({inside} | task)", frame, priors=priors, center_predictors=False,
        family="bernoulli" if bool(data["binary"]) else "gaussian",
    )  # fmt: skip
    model.build()
    return model


def of_bambi(posterior, tasks, size):
    """Its draws under the names of the others."""
    names = ["Intercept", *[f"x{i}" for i in range(1, size)]]
    effects = ["1", *names[1:]]
    mean = np.stack([posterior[name].values for name in names], -1)
    order = [str(t) for t in range(tasks)]
    own = np.stack([posterior[f"{name}|task"].sel(task__factor_dim=order).values for name in effects], -1)
    draws = {"mean": mean, "weights": mean[..., None, :] + own}
    draws["scale"] = np.stack([posterior[f"{name}|task_sigma"].values for name in effects], -1)
    return {**draws, "noise": posterior["sigma"].values} if "sigma" in posterior else draws


def of_pymc(posterior, full):
    """Draws as arrays."""
    draws = {
        name: posterior[name].values for name in ("mean", "scale", "noise", "weights") if name in posterior
    }
    if full:
        draws["scale"] = posterior["root_stds"].values
        draws["correlations"] = posterior["root_corr"].values
    return draws


def main(path, out, text):
    """One method on one file of data."""
    settings, data = json.loads(text), dict(np.load(path))
    began = time.perf_counter()
    if settings["method"] == "Bambi":
        model = bambi_program(data).backend.model
    else:
        model = program(data, settings["centred"])
    compiled = nutpie.compile_pymc_model(model, backend="numba")
    setup = time.perf_counter() - began
    began, used = time.perf_counter(), time.process_time()
    found = nutpie.sample(
        compiled,
        draws=settings["draws"],
        tune=settings["warmup"],
        chains=settings["chains"],
        cores=1,
        seed=settings["seed"],
        target_accept=settings["target_accept"],
        progress_bar=False,
    )
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    steps = np.concatenate(
        [np.asarray(found[name]["n_steps"]) for name in ("warmup_sample_stats", "sample_stats")], 1
    )
    posterior = found["posterior"]
    if settings["method"] == "Bambi":
        draws = of_bambi(posterior, int(data["tasks"]), data["x"].shape[1])
    else:
        draws = of_pymc(posterior, bool(data["full"]))
    record = {"wall": wall, "cpu": cpu, "setup": setup, "steps": steps}
    np.savez(out, **draws, **{f"record_{name}": value for name, value in record.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
