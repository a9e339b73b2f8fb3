"""Classification of many tasks, for scikit-learn."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from bayes_mtl._errors import InputError, message
from bayes_mtl.estimators._abstract_multi_task_estimator import AbstractMultiTaskEstimator
from bayes_mtl.likelihoods import AbstractLikelihood, Bernoulli, Categorical, Ordinal


class MultiTaskClassifier(ClassifierMixin, AbstractMultiTaskEstimator):
    """Classification of many tasks: `bayes_mtl.fit` behind scikit-learn's interface.

    Parameters
    ----------
    task, prior, network, inference, task_features, seed
        As in `MultiTaskRegressor`. Without ``inference`` it is `SVI` until its loss no longer falls; in a
        search, where many fits are compared, ``SVI(steps=500)`` is a quicker choice.
    likelihood
        None: ``Bernoulli()`` for two classes, ``Categorical()`` for more. ``Ordinal()`` where the sorted
        labels are an order: numbers or booleans, since scikit-learn drops the order of categories.

    Attributes
    ----------
    classes_
        Labels of the classes, sorted.
    posterior_
        The `Posterior`: relatedness, rankings, export to ArviZ.
    n_features_in_, feature_names_in_
        Columns of ``X``, the task's among them.

    Notes
    -----
    Where the rows of a task stand together, shuffle the folds of a cross-validation
    (``StratifiedKFold(shuffle=True)``): unshuffled, they part the classes within a task.

    Examples
    --------
    >>> from bayes_mtl import datasets
    >>> from bayes_mtl.estimators import MultiTaskClassifier
    >>> from bayes_mtl.inference import SVI
    >>> pupils = datasets.exam()[:500]
    >>> X, passed = pupils[["school", "intake"]], pupils["score"] > 0
    >>> quick = SVI(steps=500, progress=False)
    >>> classifier = MultiTaskClassifier(task="school", inference=quick).fit(X, passed)
    >>> classifier.predict_proba(X.head(3)).shape
    (3, 2)
    """

    classes_: np.ndarray
    _numeric = False

    def _targets(self, y: np.ndarray) -> tuple[Any, AbstractLikelihood]:
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            found = f"one class, {str(self.classes_[0])!r}"
            raise InputError(message("y", "at least 2 classes", found, "There is nothing to tell apart."))
        if isinstance(self.likelihood, Ordinal) and self.classes_.dtype.kind not in "biuf":
            labels = ", ".join(repr(str(label)) for label in self.classes_[:5])
            raise InputError(
                message(
                    "y",
                    "numbers in the order of the classes (Ordinal)",
                    f"text, which sorts as {labels}",
                    "Pass the codes of an ordered pandas.Categorical.",
                )
            )
        usual: AbstractLikelihood = Bernoulli() if len(self.classes_) == 2 else Categorical()
        return codes.astype(np.float64), usual

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, averaged over the posterior.

        Parameters
        ----------
        X
            As in `fit`; tasks may be new.

        Returns
        -------
        numpy.ndarray
            ``[rows, classes]``, in the order of ``classes_``.
        """
        return self._predict(X, lambda found: np.asarray(found.probabilities))

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each row, ``[rows]``."""
        best = self.predict_proba(X).argmax(1)
        labels: np.ndarray = self.classes_[best]
        return labels
