"""One inference, and another for what it refuses."""

import time
from dataclasses import dataclass

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import TaskData
from bayes_mtl.inference._abstract_inference import AbstractInference
from bayes_mtl.model import MultiTaskModel
from bayes_mtl.posterior import Posterior


@dataclass(frozen=True)
class FirstThatWorks(AbstractInference):
    """Runs ``first``, and ``other`` where that one finds that it cannot be trusted; the record keeps why."""

    first: AbstractInference
    other: AbstractInference

    def run(self, model: MultiTaskModel, data: TaskData, *, seed: int = 0) -> Posterior:
        began = time.perf_counter()
        try:
            return self.first.run(model, data, seed=seed)
        except UnsupportedError as error:
            tried = str(error)
        found = self.other.run(model, data, seed=seed)
        settings = {**found.record.settings, "tried": tried}
        return found.with_record(settings=settings, seconds=time.perf_counter() - began)
