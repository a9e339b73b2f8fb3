"""The contract of an inference, for all of ours."""

import pytest

from bayes_mtl.inference import (
    MAP,
    NUTS,
    SVI,
    AbstractInference,
    Collapsed,
    NestedLaplace,
    Plateau,
    PopulationMonteCarlo,
)
from bayes_mtl.testing import check_inference
from tests.inference import cases

SHORT = SVI(steps=400, learning_rate=0.1, plateau=Plateau(50), draws=2000, compile=True, progress=False)
CHAINS = NUTS(draws=200, warmup=200, chains=2, progress=False)
INFERENCES: dict[str, AbstractInference] = {
    "collapsed": Collapsed(),
    "collapsed map": Collapsed(MAP()),
    "population monte carlo": PopulationMonteCarlo(),
    "nested laplace": NestedLaplace(),
    "collapsed svi": Collapsed(SHORT),
    "map": MAP(draws=1000, iterations=10, progress=False),
    "svi": SHORT,
    "collapsed nuts": Collapsed(CHAINS),
    "nuts": CHAINS,
}


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=cases.slow) if "nuts" in n else n for n in INFERENCES]
)
def test_contract(name: str) -> None:
    check_inference(INFERENCES[name])
