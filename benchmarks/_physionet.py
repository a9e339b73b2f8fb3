"""PhysioNet/CinC Challenge 2012 as five tasks of different kinds: 12,000 stays, 48 hours by the hour.

Silva, Moody, Scott, Celi and Mark (2012), *Predicting in-hospital mortality of ICU patients*; sets a, b and c
of the challenge are for training, validation and test.

- ``death``: in hospital, yes or no.
- ``stay``: days, positive.
- ``sofa``, ``saps``: severity scores, counts.
- ``decompensation``, per step: whether within the six hours that follow there is an hour with at least two of
  seven signs: mean arterial pressure below 60 mmHg (invasive where there is one), heart rate outside 40 to
  130, oxygen saturation below 90 %, a Glasgow coma score up to 8, respiratory rate above 30, temperature
  outside 35 to 39 °C, lactate above 4 mmol/l. There is no label where those six hours are not all in the
  data, or hold neither pressure nor heart rate.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from bayes_mtl import TaskData
from bayes_mtl.likelihoods import Bernoulli, LogNormal, Mixed, NegativeBinomial
from benchmarks._summaries import SUMMARIES, running_summaries

HORIZON = 6
"""Hours ahead that decompensation looks."""
QUANTILES = (0.001, 0.999)
"""Of the training stays: what lies outside is moved there; a few values are typing errors."""
LONG_TAILED = (
    "ALP", "ALT", "AST", "Bilirubin", "BUN", "Creatinine", "Glucose", "Lactate", "PaO2", "Platelets",
    "TroponinI", "TroponinT", "Urine", "WBC",
)  # fmt: skip
"""Signals taken as log(1 + value)."""


@dataclass(frozen=True, eq=False)
class Physionet:
    """Training (a), validation (b) and test stays (c), with tasks and features of one schema."""

    train: TaskData
    valid: TaskData
    test: TaskData


def physionet(
    folder: Path,
    *,
    every: int = 1,
    stays: int | None = None,
    tasks: tuple[str, ...] | None = None,
    summarised: bool = False,
) -> Physionet:
    """The three sets.

    Parameters
    ----------
    folder
        Which holds ``data.npz``.
    every
        Decompensation is labelled at each so many hours.
    stays
        Of each set the first so many; None for all 4,000.
    tasks
        Those that are kept, say one alone; None for all.
    summarised
        Whether the steps are those at which decompensation is labelled alone, described by running summaries
        of the signals since admission, in place of all hours; means stand in for what was not seen yet.
    """
    with np.load(folder / "data.npz", allow_pickle=False) as stored:
        names = [str(name) for name in stored["ts_names"]]
        signals, static = stored["ts"].astype(np.float32), stored["static"].astype(np.float32)
        outcomes, part = stored["outcomes"].astype(np.float64), stored["set_abc"]
    outcomes[outcomes < 0] = np.nan
    late = decompensation(signals, names)
    late[:, np.arange(late.shape[1]) % every != every - 1] = np.nan
    features = clipped(signals, names, part == 0)
    admission, admission_names = _admission(static, part == 0)
    if summarised:
        hours = np.arange(every - 1, late.shape[1], every)
        features, late = running_summaries(features, hours), late[:, hours]
        features = np.where(np.isnan(features), np.nanmean(features[part == 0], (0, 1)), features)
        admission = np.where(np.isnan(admission), np.nanmean(admission[part == 0], 0), admission)
        names = [f"{name} {what}" for what in SUMMARIES for name in names]
    made: list[TaskData] = []
    for letter in range(3):
        chosen = np.flatnonzero(part == letter)[:stays]
        whole = {
            "death": outcomes[chosen, 4],
            "stay": outcomes[chosen, 2],
            "sofa": outcomes[chosen, 1],
            "saps": outcomes[chosen, 0],
        }
        steps = {"decompensation": late[chosen]}
        made.append(
            TaskData.from_sequences(
                features[chosen],
                per_sequence={name: y for name, y in whole.items() if tasks is None or name in tasks},
                per_step={name: y for name, y in steps.items() if tasks is None or name in tasks},
                static=admission[chosen],
                feature_names=names,
                static_names=admission_names,
                missing="refuse" if summarised else "mask",
                schema=made[0].schema if made else None,
            )
        )
    return Physionet(*made)


@cache
def loaded(folder: Path, task: str | None, stays: int | None) -> Physionet:
    """The sets as the benchmark sees them, one task or all, read once: summaries every twelve hours."""
    tasks = None if task is None else (task,)
    return physionet(folder, every=12, stays=stays, tasks=tasks, summarised=True)


def likelihood(data: TaskData) -> Mixed:
    """What fits each of the tasks that ``data`` has."""
    every = {
        "death": Bernoulli(),
        "stay": LogNormal(),
        "sofa": NegativeBinomial(),
        "saps": NegativeBinomial(),
        "decompensation": Bernoulli(),
    }
    return Mixed({name: every[name] for name in data.schema.tasks})


def decompensation(signals: np.ndarray, names: list[str]) -> np.ndarray:
    """``[stays, hours]`` 1, 0 or NaN, by the rule above, from unclipped ``[stays, hours, signals]``."""

    def signal(name: str) -> np.ndarray:
        found: np.ndarray = signals[..., names.index(name)]
        return found

    pressure = np.where(np.isnan(signal("MAP")), signal("NIMAP"), signal("MAP"))
    rate, heat = signal("HR"), signal("Temp")
    signs = [
        pressure < 60, (rate < 40) | (rate > 130), signal("SaO2") < 90, signal("GCS") <= 8,
        signal("RespRate") > 30, (heat < 35) | (heat > 39), signal("Lactate") > 4,
    ]  # fmt: skip
    critical = np.sum(signs, axis=0) >= 2
    seen = ~(np.isnan(pressure) & np.isnan(rate))
    label = np.full(critical.shape, np.nan)
    for hour in range(critical.shape[1] - HORIZON):
        ahead = slice(hour + 1, hour + 1 + HORIZON)
        known = seen[:, ahead].any(1)
        label[known, hour] = critical[known, ahead].any(1)
    return label


def clipped(signals: np.ndarray, names: list[str], train: np.ndarray) -> np.ndarray:
    """Signals within the training quantiles, long-tailed ones as logarithms."""
    low, high = np.nanquantile(signals[train], QUANTILES, axis=(0, 1))
    found: np.ndarray = np.clip(signals, low.astype(np.float32), high.astype(np.float32))
    tails = [names.index(name) for name in LONG_TAILED]
    found[..., tails] = np.log1p(found[..., tails])
    return found


def _admission(static: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """What is known at admission: age, sex, height and weight (clipped), and the kind of unit."""
    low, high = np.nanquantile(static[train], (0.01, 0.99), axis=0)
    values = np.clip(static, low, high)
    units = [(static[:, 3] == kind).astype(np.float32) for kind in (2, 3, 4)]
    columns = [values[:, 0], static[:, 1], values[:, 2], values[:, 4], *units]
    names = ["Age", "Male", "Height", "AdmissionWeight", "SurgeryRecovery", "MedicalICU", "SurgicalICU"]
    return np.stack(columns, axis=1).astype(np.float32), names
