"""A frame, a split, or a posterior where data are meant, and the other way round."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from bayes_mtl import MultiTaskModel, fit
from bayes_mtl._errors import InputTypeError
from bayes_mtl.diagnostics import (
    calibration,
    check,
    compare,
    loo,
    loo_tasks,
    prior_sensitivity,
    transfer,
)
from bayes_mtl.inference import MAP, NUTS, SVI, Collapsed, CoordinateAscent, adapt
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.plots import plot_fit
from bayes_mtl.priors import Hierarchical
from tests.posterior.examples import make_data, make_posterior

pytestmark = pytest.mark.usefixtures("unchecked")

MODEL = MultiTaskModel(Hierarchical(), Gaussian())
DATA = make_data()
POSTERIOR = make_posterior(MODEL, DATA)
FRAME: Any = pd.DataFrame({"y": [1.0, 2.0]})

CALLS: dict[str, Callable[[Any], object]] = {
    "fit": lambda data: fit(MODEL, data),
    "program": MODEL.program,
    "diagram": MODEL.diagram,
    **{
        type(inference).__name__: lambda data, run=inference.run: run(MODEL, data)
        for inference in (SVI(), MAP(), NUTS(), Collapsed(), CoordinateAscent())
    },
    "log_likelihood": POSTERIOR.log_likelihood,
    "score": POSTERIOR.score,
    "score_new": lambda data: POSTERIOR.score(data, new_task=True),
    "to_arviz": POSTERIOR.to_arviz,
    "adapt": lambda data: adapt(POSTERIOR, data),
    "compare": lambda data: compare({"one": POSTERIOR, "other": POSTERIOR}, data),
    "plot_fit": lambda data: plot_fit(POSTERIOR, data),
    **{
        each.__name__: lambda data, each=each: each(POSTERIOR, data)
        for each in (calibration, check, loo, loo_tasks, prior_sensitivity, transfer)
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_a_frame_is_no_data(name: str) -> None:
    wanted = r"data: expected a TaskData, found DataFrame\. Make one: TaskData\.from_frame.*schema=posterior"
    with pytest.raises(InputTypeError, match=wanted):
        CALLS[name](FRAME)


def test_both_parts_of_a_split_are_no_data() -> None:
    with pytest.raises(InputTypeError, match=r"expected a TaskData, found tuple\. .*train, test = data"):
        POSTERIOR.score(DATA.split())  # type: ignore[arg-type]


def test_the_posterior_comes_first() -> None:
    for each in (check, loo, transfer):
        with pytest.raises(
            InputTypeError, match=r"posterior: expected a Posterior, found TaskData\. .* first"
        ):
            each(DATA, POSTERIOR)


def test_compared_posteriors_have_names() -> None:
    with pytest.raises(InputTypeError, match=r"posteriors: expected a dictionary.*, found list\. Pass \{"):
        compare([POSTERIOR, POSTERIOR], DATA)  # type: ignore[arg-type]
