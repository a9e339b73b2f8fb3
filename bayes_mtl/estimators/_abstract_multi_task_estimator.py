"""What both estimators do: take the task column apart, fit, and predict known and new tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from pyro.distributions import HalfNormal
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    check_X_y,
    validate_data,
)

from bayes_mtl.data import TaskData
from bayes_mtl.estimators._columns import Columns, check_two_axes
from bayes_mtl.inference._fit import choose
from bayes_mtl.likelihoods import AbstractLikelihood
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior, Prediction
from bayes_mtl.priors import AbstractTaskPrior, Hierarchical, Independent

Estimator = TypeVar("Estimator", bound="AbstractMultiTaskEstimator")


class AbstractMultiTaskEstimator(BaseEstimator, ABC):
    """Base of the estimators; their settings are described there.

    By scikit-learn's rule the constructor takes anything, and `fit` is what complains.
    """

    posterior_: Posterior
    n_features_in_: int
    _numeric: bool

    def __init__(
        self,
        task: Any = None,
        *,
        prior: Any = None,
        likelihood: Any = None,
        network: Any = None,
        inference: Any = None,
        task_features: Any = None,
        seed: Any = 0,
    ) -> None:
        self.task = task
        self.prior = prior
        self.likelihood = likelihood
        self.network = network
        self.inference = inference
        self.task_features = task_features
        self.seed = seed

    @abstractmethod
    def _targets(self, y: np.ndarray) -> tuple[Any, AbstractLikelihood]:
        """Targets as `TaskData` takes them, and the likelihood where none is given."""

    def fit(self: Estimator, X: Any, y: Any, sample_weight: Any = None) -> Estimator:
        """Fit the model.

        Parameters
        ----------
        X
            ``[rows, columns]``: a DataFrame or an array; all columns but the task's are numbers.
        y
            ``[rows]``: targets.
        sample_weight
            ``[rows]``: weight of the log-likelihood of each row.

        Raises
        ------
        ValueError, TypeError
            For what scikit-learn refuses: missing values, wrong shapes, text among the features.
        InputError, UnsupportedError
            For unknown columns, and where data and model do not fit together.
        """
        columns = self._columns(X, reset=True)
        rows, y = check_X_y(
            columns.rows(X),
            y,
            dtype=np.float64,
            y_numeric=self._numeric,
            ensure_min_features=int(self.task is None),
            estimator=self,
        )
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, rows)
        targets, usual = self._targets(y)
        labels = columns.labels(X, len(rows))
        data = TaskData.from_arrays(
            rows,
            targets,
            labels,
            feature_names=columns.feature_names,
            task_features=columns.table(X, labels),
            weight=weight,
        )
        model = MultiTaskModel(self.prior or _usual_prior(data), self.likelihood or usual, self.network)
        # A search fits many times: no progress bar for each.
        inference = self.inference or choose(model, data, progress=False)
        self.posterior_ = inference.run(model, data, seed=self.seed)
        return self

    def _columns(self, X: Any, reset: bool) -> Columns:
        check_two_axes(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        names = getattr(self, "feature_names_in_", None)
        return Columns.of(names, self.n_features_in_, self.task, self.task_features)

    def _predict(self, X: Any, quantity: Callable[[Prediction], np.ndarray], **options: Any) -> np.ndarray:
        """``[rows, ...]``: a quantity of the predictions; tasks that were not fitted are new ones."""
        check_is_fitted(self)
        columns = self._columns(X, reset=False)
        rows = check_array(
            columns.rows(X), dtype=np.float64, ensure_min_features=int(self.task is None), estimator=self
        )
        labels = columns.texts(X, len(rows))
        known = np.isin(labels, np.array(self.posterior_.tasks, dtype=object))
        values: np.ndarray | None = None
        for new, which in ((False, known), (True, ~known)):
            if which.any():
                features = columns.table(X, labels) if new else None
                if features is not None:
                    features = features.loc[list(dict.fromkeys(labels[which]))]
                found = quantity(
                    self.posterior_.predict(
                        rows[which],
                        labels[which],
                        new_task=new,
                        task_features=features,
                        seed=self.seed,
                        **options,
                    )
                )
                if values is None:
                    values = np.empty((len(rows), *found.shape[1:]))
                values[which] = found
        return np.empty(0) if values is None else values


def _usual_prior(data: TaskData) -> AbstractTaskPrior:
    """One population; a single task says nothing of its spread, so there only the ridge is learned."""
    return Hierarchical() if len(data.schema.tasks) > 1 else Independent(HalfNormal(1.0))
