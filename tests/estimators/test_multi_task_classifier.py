"""Classes of many tasks behind scikit-learn's interface."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.datasets import exam
from bayes_mtl.estimators import MultiTaskClassifier
from bayes_mtl.inference import MAP, SVI
from bayes_mtl.likelihoods import Bernoulli, Ordinal
from bayes_mtl.priors import Hierarchical

QUICK = MAP(draws=100)
FEW = exam()[:300]
X = FEW[["school", "intake"]]
PASSED = np.where(FEW["score"] > 0, "passed", "failed")
THIRDS = np.digitize(FEW["score"], [-0.4, 0.4]) + 5


def test_it_is_the_same_fit() -> None:
    classifier = MultiTaskClassifier("school", inference=QUICK).fit(X, PASSED)
    frame = FEW.assign(passed=PASSED)
    data = TaskData.from_frame(frame, y="passed", task="school", x=["intake"])
    expected = QUICK.run(MultiTaskModel(Hierarchical(), Bernoulli()), data).predict(frame, "school")
    found = classifier.predict_proba(X)
    assert classifier.classes_.tolist() == ["failed", "passed"]
    assert np.array_equal(found, expected.probabilities)
    assert np.array_equal(classifier.predict(X), classifier.classes_[found.argmax(1)])
    # The schools' intake tells a pass from a fail in about 70 of 100 pupils.
    assert classifier.score(X, PASSED) > 0.65


def test_new_tasks_and_labels_that_are_numbers() -> None:
    classifier = MultiTaskClassifier("school", inference=MAP(laplace=0)).fit(X, THIRDS)
    both = X.head(4).astype({"school": object})
    both.iloc[:2, 0] = "a new school"
    probabilities = classifier.predict_proba(both)
    assert classifier.classes_.tolist() == [5, 6, 7]
    assert probabilities.sum(1) == pytest.approx(np.ones(4), abs=1e-6)  # float32
    assert set(classifier.predict(both)) <= {5, 6, 7}


def test_ordered_classes() -> None:
    classifier = MultiTaskClassifier("school", likelihood=Ordinal(), inference=MAP(laplace=0))
    assert classifier.fit(X, THIRDS).predict_proba(X.head(3)).shape == (3, 3)


def test_ordered_classes_are_numbers() -> None:
    grades = pd.Categorical.from_codes(THIRDS - 5, ["low", "medium", "high"], ordered=True)
    classifier = MultiTaskClassifier("school", likelihood=Ordinal(), inference=MAP(laplace=0))
    with pytest.raises(InputError, match="found text, which sorts as 'high', 'low', 'medium'"):
        classifier.fit(X, grades)


def test_cross_validated_probabilities() -> None:
    """Shuffled: schools stand one after the other, and unshuffled folds would part passes from fails."""
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    classifier = MultiTaskClassifier("school", inference=QUICK)
    found = cross_val_predict(classifier, X, PASSED, cv=folds, method="predict_proba")
    assert found.shape == (300, 2)
    # Better than the shares of the classes, whose loss is log 2 less a trifle: the losses' standard deviation
    # is about 0.5, so 4 standard errors of 300 are 0.12.
    assert -np.log(found[np.arange(300), (PASSED == "passed").astype(int)]).mean() < np.log(2) - 0.12


def test_a_single_class_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 classes, found one class, 'a'"):
        MultiTaskClassifier("school").fit(X, np.full(300, "a"))


def test_no_progress_bar_where_none_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_mtl.inference._fit.SVI", partial(SVI, steps=5, draws=5))
    check_is_fitted(MultiTaskClassifier("school").fit(X, PASSED))
    assert capsys.readouterr().err == ""
    MultiTaskClassifier("school", inference=SVI(steps=5, draws=5)).fit(X, PASSED)
    assert capsys.readouterr().err != ""
