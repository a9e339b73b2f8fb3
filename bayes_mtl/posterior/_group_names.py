"""Names of the groups of features."""

from bayes_mtl.model import Program


def group_names(program: Program) -> tuple[str, ...]:
    """Groups in the order of `Dims.groups`, without the intercept; each feature where the data name none."""
    if program.network is None and program.schema.groups:
        return tuple(dict.fromkeys(program.schema.groups))
    return program.features[int(program.schema.intercept) :]
