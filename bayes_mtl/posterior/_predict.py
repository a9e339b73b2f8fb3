"""Predictions at posterior draws, in chunks of bounded memory."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl._seed import seeded
from bayes_mtl.model import Program
from bayes_mtl.posterior._evaluate import chunks, evaluate
from bayes_mtl.posterior._prediction import Prediction
from bayes_mtl.posterior._request import Request
from bayes_mtl.posterior._tails import tails


def predict(
    program: Program,
    draws: Mapping[str, Tensor],
    request: Request,
    *,
    level: float,
    kind: str,
    keep_draws: bool,
    seed: int,
) -> Prediction:
    """Summaries of the predictive distribution of every observation of a request."""
    ends = tails(level)
    if kind not in ("target", "mean"):
        raise InputError(message("kind", "'target' or 'mean'", repr(kind), "Choose one."))
    likelihood = program.likelihood
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("mean", "sd", "lower", "upper", "probabilities", "draws")
    }
    places = []
    with seeded(seed), torch.no_grad():
        for place, part in chunks(program, draws, request.batch):
            places.append(place.numpy())
            f, parameters = evaluate(program, draws, part)
            mean = likelihood.mean(f, part, parameters)
            values = mean if kind == "mean" else likelihood.distribution(f, part, parameters).sample()
            values = values.double().expand(f.shape[:-1])
            lower, upper = np.quantile(values.numpy(), ends, axis=0)
            parts["mean"].append(mean.double().expand(f.shape[:-1]).mean(0).numpy())
            parts["sd"].append(values.std(0, correction=0).numpy())
            parts["lower"].append(lower)
            parts["upper"].append(upper)
            probabilities = likelihood.probabilities(f, part, parameters)
            if probabilities is not None:
                parts["probabilities"].append(probabilities.double().mean(0).numpy())
            if keep_draws:
                parts["draws"].append(values.numpy())
    order = np.concatenate(places).argsort()
    probability = np.concatenate(parts.pop("probabilities"))[order] if parts["probabilities"] else None
    joined = {name: np.concatenate(found, -1)[..., order] for name, found in parts.items() if found}
    names = np.asarray(request.tasks, dtype=object)[request.batch.task.numpy()]
    return Prediction(
        **joined,
        level=level,
        kind=kind,
        task=names,
        index=request.index,
        probabilities=probability,
        classes=program.schema.classes,
    )
