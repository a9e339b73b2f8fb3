"""Tables of a posterior, without ArviZ."""

from typing import TYPE_CHECKING

import numpy as np

from bayes_mtl.posterior._axes import coords, named_draws
from bayes_mtl.posterior._tails import tails

if TYPE_CHECKING:
    import pandas as pd

    from bayes_mtl.posterior._posterior import Posterior


def weights(posterior: "Posterior", level: float) -> "pd.DataFrame":
    """See `Posterior.weights`."""
    import pandas as pd

    named = named_draws(posterior)["weights"]
    labels = coords(posterior)
    index = pd.MultiIndex.from_product([labels[dim] for dim in named.dims], names=named.dims)
    frame = pd.DataFrame(statistics(named.values.reshape(len(named.values), -1), level), index=index)
    return frame.dropna()


def summary(posterior: "Posterior", level: float) -> "pd.DataFrame":
    """See `Posterior.summary`."""
    import pandas as pd

    labels, rows, tables = coords(posterior), [], []
    for name, named in named_draws(posterior).items():
        if any(dim.startswith("task") and not dim.startswith("task_feature") for dim in named.dims):
            continue
        values = named.values.reshape(len(named.values), -1)
        for position in np.ndindex(*named.values.shape[1:]):
            entry = ", ".join(str(labels[d][i]) for d, i in zip(named.dims, position, strict=True))
            rows.append(f"{name}[{entry}]" if entry else name)
        units = np.full(values.shape[1], "user's" if name == "fixed" else "standardised", dtype=object)
        tables.append({**statistics(values, level), "units": units})
    joined = {key: np.concatenate([table[key] for table in tables]) for key in tables[0]} if tables else {}
    return pd.DataFrame(joined, index=pd.Index(rows, name="site"))


def statistics(values: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Columns of a table, from ``[draws, rows]``."""
    lower, upper = np.quantile(values, tails(level), axis=0)
    return {"mean": values.mean(0), "sd": values.std(0), "lower": lower, "upper": upper}
