"""Sums over the rows of each task, wherever these are."""

from bayes_mtl._errors import UnsupportedError
from bayes_mtl.data import Statistics, TaskData, TaskTable, gram
from bayes_mtl.inference._frozen_design import frozen_design
from bayes_mtl.model import Program


def sums_by_task(program: Program, data: TaskData | TaskTable) -> Statistics:
    """All that a Gaussian likelihood needs of the data.

    Raises
    ------
    UnsupportedError
        For a table together with a network, which needs rows.
    """
    if not isinstance(data, TaskTable):
        return gram(data, program.scaling, design=frozen_design(program, data))
    if program.network is not None:
        raise UnsupportedError(
            "A TaskTable holds no rows for a network to read. Leave the network out, write its features "
            "into the table, or use TaskData."
        )
    return data.gram(program.scaling)
