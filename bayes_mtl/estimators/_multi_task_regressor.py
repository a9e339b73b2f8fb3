"""Regression of many tasks, for scikit-learn."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from bayes_mtl._errors import InputError, message
from bayes_mtl.estimators._abstract_multi_task_estimator import AbstractMultiTaskEstimator
from bayes_mtl.likelihoods import AbstractLikelihood, Gaussian


class MultiTaskRegressor(RegressorMixin, AbstractMultiTaskEstimator):
    """Regression of many tasks: `bayes_mtl.fit` behind scikit-learn's interface.

    Parameters
    ----------
    task
        Column of ``X`` that holds the tasks' labels: its name (frames) or position. None: one task.
        Tasks that were not seen in `fit` are predicted as new ones: their weights come from the prior, given
        what was learned of it. So ``cross_val_score(..., groups=X["school"], cv=GroupKFold())`` asks how well
        whole new tasks are predicted, and plain folds ask about new rows of known ones.
    prior
        Of the tasks' weights; None: ``Hierarchical()``, and for a single task ``Independent(HalfNormal(1))``.
    likelihood
        None: ``Gaussian()``. ``Poisson()`` and the like for counts.
    network
        Between the features and the weights, or None.
    inference
        How to fit, such as ``SVI(steps=2000)``; None: what `bayes_mtl.fit` chooses, without a progress bar.
    task_features
        Columns of ``X``, constant within each task, that describe tasks to priors which use that; they are
        no features of the rows.
    seed
        The same seed gives the same posterior and the same predictions.

    Attributes
    ----------
    posterior_
        The `Posterior`: relatedness, rankings, export to ArviZ.
    n_features_in_, feature_names_in_
        Columns of ``X``, the task's among them.

    Examples
    --------
    >>> from bayes_mtl import datasets
    >>> from bayes_mtl.estimators import MultiTaskRegressor
    >>> pupils = datasets.exam()
    >>> regressor = MultiTaskRegressor(task="school").fit(pupils[["school", "intake"]], pupils["score"])
    >>> mean, sd = regressor.predict(pupils[["school", "intake"]].head(3), return_std=True)
    >>> mean.shape, sd.shape
    ((3,), (3,))
    """

    _numeric = True

    def _targets(self, y: np.ndarray) -> tuple[Any, AbstractLikelihood]:
        return np.asarray(y, dtype=np.float64), Gaussian()

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Expected target of each row, in the units of ``y``.

        Parameters
        ----------
        X
            As in `fit`; tasks may be new.
        return_std
            Whether the standard deviation of a new observation is returned, too.

        Returns
        -------
        numpy.ndarray or tuple
            ``[rows]``, or two of them.
        """
        both = self._predict(X, lambda found: np.stack([found.mean, found.sd], -1))
        return (both[:, 0], both[:, 1]) if return_std else both[:, 0]

    def predict_quantiles(self, X: Any, quantiles: Iterable[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Quantiles of a new observation of each row.

        Parameters
        ----------
        X
            As in `fit`; tasks may be new.
        quantiles
            Probabilities between 0 and 1.

        Returns
        -------
        numpy.ndarray
            ``[rows, quantiles]``, in the units of ``y``.

        Raises
        ------
        InputError
            For a probability outside of 0 to 1.
        """
        levels = np.asarray(list(quantiles), dtype=np.float64)
        if not ((levels >= 0) & (levels <= 1)).all():
            raise InputError(message("quantiles", "numbers between 0 and 1", levels, "Try (0.05, 0.95)."))
        return self._predict(X, lambda found: _quantiles(found.draws, levels), keep_draws=True)


def _quantiles(draws: np.ndarray | None, levels: np.ndarray) -> np.ndarray:
    return np.quantile(np.asarray(draws), levels, axis=0).T
