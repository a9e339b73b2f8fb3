"""Posterior draws of a multi-task model, and everything that is asked of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from torch import Tensor

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.data._require_data import require_data
from bayes_mtl.model import Program
from bayes_mtl.posterior import _contrasts, _describe, _export, _population, _relatedness, _score, _summary
from bayes_mtl.posterior._evaluate import log_likelihood
from bayes_mtl.posterior._fit_record import FitRecord
from bayes_mtl.posterior._fitted_and_new import NewTask, asked
from bayes_mtl.posterior._predict import predict
from bayes_mtl.posterior._prediction import Prediction
from bayes_mtl.posterior._relatedness import Of, Relatedness, Tasks
from bayes_mtl.posterior._request import refuse_beside_data, request_of_data, request_of_rows
from bayes_mtl.posterior._row_labels import fitted_column, labels_of
from bayes_mtl.posterior._save import save

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Draws from the posterior, with names, scaling and the record of the fit. It holds no rows.

    Attributes
    ----------
    program
        The fitted program (trained network included).
    draws
        ``[draws, tasks or 1, *event]`` for each site, standardised scale; ``weights`` is
        ``[draws, tasks, features, outputs]``.
    record
        What happened during the fit.
    """

    program: Program
    draws: Mapping[str, Tensor]
    record: FitRecord

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the fitted tasks."""
        return self.program.schema.tasks

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features with weights by task, the intercept first."""
        return self.program.features

    @property
    def number(self) -> int:
        """Number of draws."""
        return self.draws["weights"].shape[0]

    def __repr__(self) -> str:
        record = self.record
        return (
            f"Posterior({len(self.tasks)} tasks, {len(self.features)} weights each, {self.number} draws by "
            f"{record.method} in {record.seconds:.1f} s, stopped: {record.stopped})"
        )

    def _repr_html_(self) -> str:
        return _describe.describe(self)

    def with_record(self, **changes: Any) -> "Posterior":
        """The same draws with a changed record."""
        return replace(self, record=replace(self.record, **changes))

    def predict(
        self,
        rows: Any,
        task: Any = None,
        *,
        new_task: NewTask = False,
        task_features: Any = None,
        offset: Any = None,
        trials: Any = None,
        noise: Any = None,
        level: float = 0.9,
        kind: Literal["target", "mean"] = "target",
        keep_draws: bool = False,
        seed: int = 0,
    ) -> Prediction:
        """Predict targets of rows.

        Parameters
        ----------
        rows
            A `TaskData`; a DataFrame with the original columns; or an array ``[rows, features]``.
        task
            Of frames and arrays: a label for all rows, a label a row, or the name of the frame's column, by
            default that of the fit. Without any, all rows belong to one new task.
        new_task
            Whether there are tasks that were not fitted: their weights come from the prior, given what was
            learned, beside those of fitted tasks. ``"all"``: fitted tasks, too, as if they were not known.
        task_features
            Of new tasks, where the model uses them: a frame indexed by task, or one row for each.
        offset, trials, noise
            Of each row, one number for all, or the frame's column; a TaskData has its own. A model that was
            fitted with an offset asks for it: ``offset=0`` predicts rates.
        level
            Probability of the interval.
        kind
            ``"target"``: intervals of a new observation; ``"mean"``: of its expectation.
        keep_draws
            Whether the draws are returned too.
        seed
            Of the predictive draws.

        Raises
        ------
        InputError
            For unknown tasks, columns or categories, missing values, a missing offset and wrong lengths.
        UnsupportedError
            Where the prior says nothing about new tasks.
        """
        draws: Mapping[str, Tensor] = self.draws
        new: tuple[str, ...] = ()
        columns = {"offset": offset, "trials": trials, "noise": noise}
        if isinstance(rows, TaskData):
            refuse_beside_data(task=task, **columns)
            given = rows.task_features if task_features is None else task_features
            draws, new = asked(self.program, draws, rows.schema.tasks, new_task, given, seed)
            request = request_of_data(self.program, rows, new=new, task_features=task_features)
        else:
            if task is None:
                task = fitted_column(self.program.schema, rows, needed=not new_task)
            if new_task:
                which: NewTask = "all" if task is None else new_task
                task = labels_of(rows, "new task" if task is None else task)
                names = tuple(dict.fromkeys(task))
                draws, new = asked(self.program, draws, names, which, task_features, seed)
            request = request_of_rows(self.program, rows, task, columns, new, task_features)
        return predict(self.program, draws, request, level=level, kind=kind, keep_draws=keep_draws, seed=seed)

    def log_likelihood(self, data: TaskData, *, new_task: NewTask = False, seed: int = 0) -> np.ndarray:
        """Log-likelihood of each observation at each draw, ``[draws, observations]``, user's units.

        Parameters
        ----------
        data
            Observations, held out or not.
        new_task
            Whether some of its tasks were not fitted, as `predict` has it.
        seed
            Of the draws of new tasks' weights.
        """
        require_data(data)
        tasks, features = data.schema.tasks, data.task_features
        draws, new = asked(self.program, self.draws, tasks, new_task, features, seed)
        batch = request_of_data(self.program, data, new=new).batch
        return log_likelihood(self.program, draws, batch).double().numpy()

    def score(
        self, data: TaskData, *, new_task: NewTask = False, repeats: int = 1, seed: int = 0
    ) -> _score.Score:
        """Log predictive density of held-out observations: per observation, per task and in all.

        Parameters
        ----------
        data
            Observations that the fit has not seen.
        new_task
            Whether some of its tasks were not fitted, as `predict` has it.
        repeats
            How often their weights are drawn for each posterior draw; 10 make `Score.together` steady.
        seed
            Of the draws of new tasks' weights.

        Returns
        -------
        Score
            Subtract one from another for the gain and its standard error. Weights of observations are not
            used: every observation counts once. InputError for ``repeats`` below 1.
        """
        if repeats < 1:
            raise InputError(message("repeats", "at least 1", repeats, "Try 10."))
        require_data(data)
        tasks, features = data.schema.tasks, data.task_features
        draws, new = asked(self.program, self.draws, tasks, new_task, features, seed)
        further = range(1, repeats if new else 1)
        drawn = [asked(self.program, self.draws, tasks, new_task, features, seed + i)[0] for i in further]
        request = request_of_data(self.program, data, new=new)
        return _score.score(self.program, [draws, *drawn], request.batch, request.tasks)

    def relatedness(self, tasks: Tasks = None, level: float = 0.9, *, of: Of = "weights") -> Relatedness:
        """How alike ``tasks`` are, all by default; what the number means depends on the prior.

        Of their weights, or (with a network of `RelatedFeatures`) of their features. An `InputError` tells
        of an unknown task, fewer than two, and features that no prior relates.
        """
        return _relatedness.relatedness(self, tasks, level, of)

    def weights(self, level: float = 0.9) -> "pd.DataFrame":
        """Weights of all tasks in the user's units: one row for each task, feature and output."""
        return _summary.weights(self, level)

    def summary(self, level: float = 0.9) -> "pd.DataFrame":
        """Hyperparameters and likelihood parameters, with their ``units``; of single tasks see `weights`."""
        return _summary.summary(self, level)

    def population(self, level: float = 0.9, *, task_features: Any = None, seed: int = 0) -> "pd.DataFrame":
        """Mean and spread (sd from task to task) of the weights, user's units: what a new task would have.

        The intercept's are at features of 0; ``task_features`` are the new task's, by default the mean.
        `UnsupportedError`: for priors that say nothing of new tasks, or in no closed form.
        """
        return _population.population(self, level, task_features, seed)

    def contrast(self, first: str, second: str, level: float = 0.9) -> "pd.DataFrame":
        """Difference of two tasks' weights, by feature, and how probably it is above 0 (ties half)."""
        return _contrasts.contrast(self, first, second, level)

    def ranking(
        self, feature: str = "Intercept", level: float = 0.9, output: int = 0, tasks: Tasks = None
    ) -> "pd.DataFrame":
        """Tasks of one kind (default: all) ranked by one weight, 1 the largest; ties share their rank."""
        return _contrasts.ranking(self, feature, level, output, tasks)

    def to_arviz(self, data: TaskData | None = None) -> Any:
        """Export for ArviZ, under the names of tasks and features.

        With ``data`` it also holds log-likelihood, posterior predictive, observed and constant data. It is an
        ``InferenceData`` on ArviZ before 1.0, an ``xarray.DataTree`` from then on.
        """
        return _export.export(self, data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write one safetensors file that `bayes_mtl.load` reads; nothing in it can be executed.

        Raises
        ------
        FileError
            Where the folder cannot be written to; a file that was there stays as it was.
        UnsupportedError
            Where it was loaded without a part of your own, which would be lost.
        """
        return save(self, path)
