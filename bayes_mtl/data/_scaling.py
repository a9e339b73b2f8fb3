"""Centres and scales: the model works near N(0, 1) whatever the user's units."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from bayes_mtl._errors import FileError, InputError, message
from bayes_mtl.data._arrays import chunks
from bayes_mtl.data._counted import counted
from bayes_mtl.data._moments import Moments
from bayes_mtl.data._names import listed
from bayes_mtl.data._padding import padded
from bayes_mtl.data._schema import Schema
from bayes_mtl.data._task_data import TaskData

RESOLVED = 1e5
"""Largest \\|shift\\|/spread: float32 keeps 7 digits, so two remain for the standardised target."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Centre and scale of features, targets and task features, all float64.

    Attributes
    ----------
    x_mean, x_sd
        ``[features]``, in the order of ``schema.columns``.
    shift, spread
        ``[tasks, outputs]``: linear predictor = shift + spread * standardised.
    task_mean, task_sd
        ``[task features]``; empty where there are none.
    """

    x_mean: np.ndarray
    x_sd: np.ndarray
    shift: np.ndarray
    spread: np.ndarray
    task_mean: np.ndarray
    task_sd: np.ndarray

    @classmethod
    def fit(
        cls, data: TaskData, shift: np.ndarray, spread: np.ndarray, standardize: bool = True
    ) -> "Scaling":
        """Scaling for ``data``; features are read in chunks.

        A feature that is constant up to rounding is only centred. Without an intercept features are only
        scaled, since a centre would bring an intercept in. ``shift`` and ``spread`` are those of the linear
        predictor, ``[tasks, outputs]`` each. Observations of weight 0 count for nothing.

        Raises
        ------
        InputError
            Where targets lie so far from 0, in units of their spread, that float32 cannot tell them apart.
        """
        features = feature_moments(counted(data)) if standardize else Moments.none(data.x.shape[-1])
        return cls.from_moments(data.schema, features, data.task_features, shift, spread, standardize)

    @classmethod
    def from_moments(
        cls,
        schema: Schema,
        features: Moments,
        task_features: np.ndarray | None,
        shift: np.ndarray,
        spread: np.ndarray,
        standardize: bool = True,
    ) -> "Scaling":
        """Scaling of data of which only the moments of its features are known; otherwise as `fit`.

        ``task_features`` are ``[tasks, features]``.
        """
        width, extra = len(features.mean), len(schema.task_features)
        shift, spread = np.array(shift, dtype=np.float64), np.array(spread, dtype=np.float64)
        if not standardize:
            return cls(
                np.zeros(width), np.ones(width), np.zeros_like(shift), np.ones_like(spread),
                np.zeros(extra), np.ones(extra),
            )  # fmt: skip
        _check_location(schema, shift, spread)
        x_mean = features.mean if schema.intercept else np.zeros(width)
        task_mean, task_sd = np.zeros(0), np.zeros(0)
        if task_features is not None:
            task_mean = task_features.mean(0)
            task_sd = Moments.of(task_features).scale
        return cls(x_mean, features.scale, shift, spread, task_mean, task_sd)

    @property
    def by_task(self) -> bool:
        """Whether tasks have units of their own, which a new task does not."""
        return bool((self.shift != self.shift[:1]).any() or (self.spread != self.spread[:1]).any())

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, ready for JSON; float64 survives exactly."""
        return {f.name: getattr(self, f.name).tolist() for f in fields(self)} | {
            "shape": list(self.shift.shape)
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Scaling":
        """Rebuild what `to_dict` wrote.

        Raises
        ------
        FileError
            For anything else.
        """
        try:
            arrays = {f.name: np.array(written[f.name], dtype=np.float64) for f in fields(cls)}
            shape = tuple(written["shape"])
            arrays |= {name: arrays[name].reshape(shape) for name in ("shift", "spread")}
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(
                message("scaling", "what Scaling.to_dict wrote", repr(error), "Save it again.")
            ) from error
        return cls(**arrays)


def _check_location(schema: Schema, shift: np.ndarray, spread: np.ndarray) -> None:
    tasks = len(schema.tasks)
    if shift.shape != spread.shape or shift.ndim != 2 or len(shift) != tasks:
        raise InputError(
            message(
                "shift",
                f"[{tasks} tasks, outputs], as spread",
                f"{shift.shape} and {spread.shape}",
                "Make them agree.",
            )
        )
    if not (np.isfinite(shift).all() and np.isfinite(spread).all() and (spread > 0).all()):
        raise InputError(
            message(
                "y",
                "targets whose mean and spread are finite, and the spread above 0",
                "others",
                "Look for extreme targets, and put them into other units: y / 1e100.",
            )
        )
    far = (np.abs(shift) / spread > RESOLVED).any(1)
    if far.any():
        worst = float((np.abs(shift) / spread).max())
        names = listed(np.array(schema.tasks, dtype=object)[far])
        raise InputError(
            message(
                schema.target,
                f"targets within {RESOLVED:g} standard deviations of 0",
                f"{worst:.3g} (tasks {names}), which float32 cannot resolve",
                f"Subtract a constant near {shift.flat[np.abs(shift).argmax()]:.6g} from y first.",
            )
        )


def feature_moments(data: TaskData) -> Moments:
    """Of the rows that observations refer to; of sequences over their valid steps."""
    width, used = data.x.shape[-1], np.unique(data.row)
    total = Moments.none(width)
    if not width:
        return replace(total, count=np.ones(1))
    for part in chunks(len(used), int(np.prod(data.x.shape[1:]))):
        block = np.asarray(data.x[used[part]], dtype=np.float64)
        if data.length is not None:
            block = block[~padded(data.length[used[part]], data.x.shape[1])]
        total = total.merged(Moments.of(block.reshape(-1, width)))
    return total
