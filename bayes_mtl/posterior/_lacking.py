"""The error of a posterior that was loaded without a part of the user's own."""

from typing import NoReturn

from bayes_mtl._errors import UnsupportedError


def lacking(name: str) -> NoReturn:
    """Say that ``name`` is needed, and how to give it.

    Raises
    ------
    UnsupportedError
        Always.
    """
    raise UnsupportedError(
        f"This posterior was saved with your own class {name}, which a file cannot hold. "
        "Load it with load(path, model=...), giving the model it was fitted with."
    )
