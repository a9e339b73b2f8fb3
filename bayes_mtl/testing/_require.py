"""How a contract says that it is broken."""

from collections.abc import Iterator
from contextlib import contextmanager

from bayes_mtl._errors import CheckFailed, message


def require(holds: bool, rule: str, expected: object, found: object, remedy: str) -> None:
    """Raise the one error of a contract where a rule does not hold.

    Raises
    ------
    CheckFailed
        Saying whose rule it is, what was expected and found, and how to mend it.
    """
    if not holds:
        raise CheckFailed(message(rule, str(expected), found, remedy))


@contextmanager
def runs(rule: str, remedy: str) -> Iterator[None]:
    """Turn any error of the code under test into one of the contract.

    Raises
    ------
    CheckFailed
        With the first line of the error that the code raised, which is its cause.
    """
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        found = f"{type(error).__name__}: {lines[0] if lines else ''}"
        raise CheckFailed(message(rule, "no error", found, remedy)) from error
