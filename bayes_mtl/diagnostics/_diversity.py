"""How different the experts of a mixture are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Diversity:
    """Distances between the outputs of experts, divided by the largest.

    Attributes
    ----------
    matrix
        ``[experts, experts]`` from 0 to 1.
    """

    matrix: np.ndarray

    @property
    def score(self) -> float:
        """Mean entry, the zeros of the diagonal counted, as published."""
        return float(self.matrix.mean())

    @property
    def off_diagonal(self) -> float:
        """Mean distance of two different experts; comparable between numbers of experts."""
        experts = len(self.matrix)
        return float(self.matrix.sum() / (experts * (experts - 1))) if experts > 1 else float("nan")

    def to_frame(self) -> "pd.DataFrame":
        """The matrix under the numbers of the experts."""
        import pandas as pd

        names = pd.RangeIndex(len(self.matrix), name="expert")
        return pd.DataFrame(self.matrix, names, names.rename("other"))

    def __repr__(self) -> str:
        return (
            f"Diversity({len(self.matrix)} experts, score {self.score:.3f}, "
            f"{self.off_diagonal:.3f} off the diagonal)"
        )
