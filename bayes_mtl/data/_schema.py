"""What a model must remember of its data: names, in order, and how to encode new rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bayes_mtl._errors import FileError, InputError, message
from bayes_mtl.data._columns_encoder import encode_columns
from bayes_mtl.data._encoder import Encoder
from bayes_mtl.data._names import label_texts, listed, repeated, suggestion

_NAMES = ("tasks", "features", "fixed", "groups", "task_features", "classes", "task_groups")


@dataclass(frozen=True)
class Schema:
    """Names and encoding of a data set, without its rows.

    Attributes
    ----------
    tasks
        Names of the tasks; position ``t`` is task ``t``.
    features
        Features whose weights vary by task, without the intercept.
    fixed
        Features with one weight for all tasks. Raw ``x`` has the columns ``features + fixed``.
    intercept
        Whether a constant feature is put in front.
    groups
        Group of each of ``features``; empty where there are none.
    task_features
        Names of the features of tasks.
    classes
        Names of the classes of ``y``; empty for numbers.
    target
        Name of ``y``.
    task
        Name of the column that says which task a row belongs to; ``""`` where tasks came otherwise.
    encoder
        How rows as the user has them become the columns of ``x``; None where they already are.
    task_groups
        Group of each task, ``""`` where it has none: labels of one target belong together. Empty where no
        task has one.
    fill
        Of sequences with gaps: value of each raw feature before its first measurement.
    ordered
        Whether the order of ``classes`` was given, by ordered categories, numbers or booleans; False where
        they were only sorted as text.
    """

    tasks: tuple[str, ...]
    features: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    intercept: bool = True
    groups: tuple[str, ...] = ()
    task_features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    target: str = "y"
    encoder: Encoder | None = None
    task_groups: tuple[str, ...] = ()
    fill: tuple[float, ...] = ()
    ordered: bool = True
    task: str = ""

    def __post_init__(self) -> None:
        for argument in ("tasks", "task_features", "classes"):
            self._check_unique(argument, getattr(self, argument))
        self._check_unique("features", self.features + self.fixed)
        if self.groups and len(self.groups) != len(self.features):
            raise InputError(
                message(
                    "groups", f"{len(self.features)} names", len(self.groups), "Give each feature one group."
                )
            )
        if self.task_groups and len(self.task_groups) != len(self.tasks):
            expected = f"{len(self.tasks)} names"
            raise InputError(
                message("task_groups", expected, len(self.task_groups), "Give each task one group.")
            )
        if not (self.intercept or self.features or self.fixed):
            raise InputError(
                message("x", "a feature or an intercept", "neither", "Add a feature, or set intercept=True.")
            )

    @staticmethod
    def _check_unique(argument: str, names: tuple[str, ...]) -> None:
        if repeated(names):
            raise InputError(
                message(argument, "different names", listed(repeated(names)), "Rename one of them.")
            )

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the weights that vary by task."""
        return ("Intercept", *self.features) if self.intercept else self.features

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of raw ``x``."""
        return self.features + self.fixed

    def encode(self, rows: Any) -> np.ndarray:
        """Turn new rows into raw ``x``, encoded as the data this schema comes from.

        Parameters
        ----------
        rows
            A DataFrame (or a mapping of columns) with the original columns; or, where no formula was
            used, an array ``[rows, features]`` or ``[rows, steps, features]`` in their original order.

        Returns
        -------
        numpy.ndarray
            ``[rows, features]`` (or with steps), columns ``features`` then ``fixed``.

        Raises
        ------
        InputError
            For unknown columns, missing values and categories that were not in the data.
        """
        if self.encoder is None:
            return encode_columns(rows, self.columns)
        names, x = self.encoder.names, self.encoder.apply(rows)
        order = [names.index(name) for name in self.columns]
        return np.ascontiguousarray(x[..., order])

    def encode_tasks(self, labels: Any, remedy: str = "Name fitted tasks.") -> np.ndarray:
        """Positions of tasks given by name: ``[observations]`` int64, a single label giving one.

        Parameters
        ----------
        labels
            Names of tasks.
        remedy
            What to do about an unknown one, where the caller knows more.

        Raises
        ------
        InputError
            For a task that was not in the data.
        """
        known = {name: position for position, name in enumerate(self.tasks)}
        single = isinstance(labels, (str, bytes)) or not hasattr(labels, "__len__")
        labels = [labels] if single and np.ndim(labels) == 0 else labels
        texts = label_texts(labels)
        for text in dict.fromkeys(texts):
            if text not in known:
                raise InputError(
                    f"Task {text!r} was not in the data this model was fitted on "
                    f"(fitted: {listed(self.tasks)}). {suggestion(text, self.tasks)}{remedy}"
                )
        return np.array([known[text] for text in texts], dtype=np.int64)

    def with_tasks(self, tasks: tuple[str, ...]) -> "Schema":
        """Return the same schema for other tasks; those that it has keep their group."""
        group = dict(zip(self.tasks, self.task_groups, strict=False))
        groups = tuple(group.get(name, "") for name in tasks)
        return replace(self, tasks=tasks, task_groups=groups if any(groups) else ())

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        written = asdict(replace(self, encoder=None))
        written.update({name: list(getattr(self, name)) for name in _NAMES})
        written["fill"] = list(self.fill)
        written["encoder"] = None if self.encoder is None else self.encoder.to_dict()
        return written

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Schema":
        """Rebuild what `to_dict` wrote.

        Raises
        ------
        FileError
            For anything else.
        InputError
            For a formula that uses more than columns, arithmetic and the allowed functions.
        """
        try:
            names: dict[str, Any] = {name: tuple(written[name]) for name in _NAMES}
            intercept, target, encoder = written["intercept"], written["target"], written["encoder"]
            fill = tuple(float(value) for value in written["fill"])
            ordered, task = written.get("ordered", True), written.get("task", "")  # not in older files
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FileError(
                message("schema", "what Schema.to_dict wrote", f"{error!r}", "Save it again.")
            ) from error
        texts = all(isinstance(name, str) for part in names.values() for name in part)
        flags = isinstance(intercept, bool) and isinstance(ordered, bool)
        if not (texts and flags and isinstance(target, str) and isinstance(task, str)):
            raise FileError(message("schema", "names as text", "other types", "Save it again."))
        rebuilt = None if encoder is None else Encoder.from_dict(encoder)
        names |= {"fill": fill, "ordered": ordered, "task": task}
        return cls(**names, intercept=intercept, target=target, encoder=rebuilt)
