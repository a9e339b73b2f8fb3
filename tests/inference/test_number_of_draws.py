"""How many draws a fit keeps."""

import numpy as np
import pytest

from bayes_mtl import MultiTaskModel, TaskData
from bayes_mtl._errors import InputError
from bayes_mtl.inference import SVI, AbstractInference, Collapsed, _number_of_draws
from bayes_mtl.inference._number_of_draws import number_of_draws
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Pooled


def test_fewer_where_there_are_many_weights() -> None:
    assert number_of_draws(None, 12) == 1_000
    assert number_of_draws(None, 500_000) == 200
    assert number_of_draws(None, 10**9) == 100
    assert number_of_draws(7, 10**9) == 7


@pytest.mark.parametrize("inference", [Collapsed(), SVI(steps=2, progress=False)])
def test_fits_keep_that_many(inference: AbstractInference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_number_of_draws, "_MOST", 150 * 4)
    data = TaskData.from_arrays(np.ones((4, 1)), np.arange(4.0), [0, 0, 1, 1])
    assert inference.run(MultiTaskModel(Pooled(), Gaussian()), data).number == 150


@pytest.mark.parametrize("inference", [Collapsed, SVI])
def test_less_than_one_is_refused(inference: type[Collapsed] | type[SVI]) -> None:
    with pytest.raises(InputError, match="draws: expected at least 1, or None, found 0"):
        inference(draws=0)
