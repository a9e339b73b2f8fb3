"""Synthetic stays in intensive care, in the shape of the MIMIC-III benchmark."""

from collections.abc import Mapping

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._carry_forward import carry_forward
from bayes_mtl.data._padding import padded
from bayes_mtl.datasets._stay_channels import CHANNELS, FEATURES
from bayes_mtl.datasets._stay_truth import StayTruth
from bayes_mtl.datasets._synthetic import check_counts, generator

_STATES, _PHENOTYPES, _CLASSES, _AT = 4, 25, 10, 47
_MEMORY = 0.95
"""Correlation of a state with itself an hour later."""


def icu_stays(
    stays: int = 400, hours: tuple[int, int] = (48, 96), seed: int = 0
) -> tuple[TaskData, StayTruth]:
    """Make stays with the benchmark's 76 features and four kinds of tasks, and known truth.

    Four states of a stay wander by the hour; the 17 channels are noisy functions of them, measured now and
    then, carried forward, categories one by one. All tasks depend on the same states, the first of which is
    severity. `mimic3` makes data of the same form from the benchmark's files.

    Parameters
    ----------
    stays
        How many.
    hours
        Shortest and longest stay; each length in between is as likely.
    seed
        Seed of everything.

    Returns
    -------
    tuple of TaskData and StayTruth
        Tasks ``phenotype[0]`` to ``phenotype[24]`` (of a stay), ``stay`` (ten classes) and
        ``decompensation`` (binary) at every hour, ``mortality`` (binary) at hour 48.

    Raises
    ------
    InputError
        For stays of less than 48 hours, or fewer than two of them.
    """
    check_counts(stays=stays, shortest=hours[0], longest=hours[1])
    if stays < 2:
        raise InputError(message("stays", "at least 2", stays, "Try stays=400."))
    if not _AT < hours[0] <= hours[1]:
        raise InputError(message("hours", "at least 48, the shortest first", hours, "Try (48, 96)."))
    rng = generator(seed)
    length = rng.integers(hours[0], hours[1] + 1, stays)
    state = _states(rng, stays, int(length.max()))
    x = _features(rng, state, length)
    weights = _weights(rng)
    valid = ~padded(length, state.shape[1])
    mean = (state * valid[..., None]).sum(1) / length[:, None]
    mean /= mean.std(0)
    sick = mean @ weights[:_PHENOTYPES].T - 1.0
    stay, late, death = (
        np.moveaxis(state @ weights[_PHENOTYPES:].T, -1, 0) - np.array([0.0, 3.0, 2.0])[:, None, None]
    )
    cutpoints = np.linspace(-3.0, 3.0, _CLASSES - 1)
    classes = (stay + rng.logistic(size=stay.shape))[..., None] > cutpoints
    data = TaskData.from_sequences(
        x,
        lengths=length,
        per_sequence={"phenotype": _happens(rng, sick)},
        at_step={"mortality": (_happens(rng, death[:, _AT]), _AT)},
        per_step={"stay": classes.sum(-1), "decompensation": _happens(rng, late)},
        feature_names=FEATURES,
    )
    tables = {f"phenotype[{i}]": np.broadcast_to(sick[:, [i]], stay.shape) for i in range(_PHENOTYPES)}
    tables |= {"stay": stay, "decompensation": late, "mortality": death}
    order = [[*tables].index(name) for name in data.schema.tasks]
    kept = weights[np.array(order)]
    return data, StayTruth(state, kept, _of_observations(data, tables), cutpoints)


def _states(rng: np.random.Generator, stays: int, steps: int) -> np.ndarray:
    state = rng.normal(size=(stays, steps, _STATES))
    for step in range(1, steps):
        state[:, step] = _MEMORY * state[:, step - 1] + np.sqrt(1 - _MEMORY**2) * state[:, step]
    return state


def _weights(rng: np.random.Generator) -> np.ndarray:
    """``[tasks, states]`` in the order phenotypes, stay, decompensation, mortality."""
    phenotypes = rng.normal(size=(_PHENOTYPES, _STATES)) * (rng.random((_PHENOTYPES, _STATES)) < 0.5)
    others = [[1.5, 0.5, 0.0, 0.0], [2.0, 0.0, 0.5, 0.0], [2.0, 0.0, 0.0, 0.5]]
    return np.concatenate([phenotypes, others])


def _features(rng: np.random.Generator, state: np.ndarray, length: np.ndarray) -> np.ndarray:
    """``[stays, steps, 76]`` float32."""
    loadings = rng.normal(size=(_STATES, len(CHANNELS))) / np.sqrt(_STATES)
    signal = state @ loadings + 0.5 * rng.normal(size=(*state.shape[:2], len(CHANNELS)))
    rates = rng.uniform(0.2, 0.9, len(CHANNELS))
    for c, (categories, normal) in enumerate(CHANNELS.values()):
        if categories:
            share = 0.5 + 0.5 * np.tanh(signal[..., c])
            signal[..., c] = np.minimum((share * len(categories)).astype(int), len(categories) - 1)
        else:
            signal[..., c] = float(normal) * (1.0 + 0.1 * signal[..., c])
    signal[rng.random(signal.shape) > rates] = np.nan
    fill = [
        float(categories.index(normal)) if categories else float(normal)
        for categories, normal in CHANNELS.values()
    ]
    carried = carry_forward(signal, length, np.array(fill))
    parts = []
    for c, (categories, _) in enumerate(CHANNELS.values()):
        value = carried[..., [c]]
        parts.append(value == np.arange(len(categories)) if categories else value)
    parts.append(carried[..., len(CHANNELS) : 2 * len(CHANNELS)])
    return np.concatenate(parts, -1).astype(np.float32)


def _happens(rng: np.random.Generator, log_odds: np.ndarray) -> np.ndarray:
    return (rng.random(log_odds.shape) < 0.5 + 0.5 * np.tanh(0.5 * log_odds)).astype(np.float64)


def _of_observations(data: TaskData, tables: Mapping[str, np.ndarray]) -> np.ndarray:
    found = np.empty(len(data))
    step = np.zeros(len(data), dtype=int) if data.step is None else data.step
    for t, name in enumerate(data.schema.tasks):
        own = data.task == t
        found[own] = tables[name][data.index[own], step[own]]
    return found
