"""Every error the library raises on purpose, and the one way its message is put together."""

import re

_PYROS_SHAPES = re.compile(r"\n *Trace Shapes:")


class BayesMTLError(Exception):
    """Base of all errors that `bayes_mtl` raises on purpose."""

    def __init__(self, *text: object) -> None:
        # Pyro raises what a program raised again, with the shapes of all sites behind the message
        super().__init__(*(_PYROS_SHAPES.split(str(part))[0] for part in text))


class InputError(BayesMTLError, ValueError):
    """A value that cannot be used: out of range, wrong length, unknown name, missing."""


class InputTypeError(BayesMTLError, TypeError):
    """A value of the wrong kind."""


class UnsupportedError(BayesMTLError, ValueError):
    """A combination of parts that does not fit together; the message says why and what does."""


class FileError(BayesMTLError, ValueError):
    """A file that is foreign, truncated, tampered with, or written by a newer version."""


class NumericalError(BayesMTLError, ArithmeticError):
    """A loss or a density that is no longer finite."""


class CheckFailed(BayesMTLError, AssertionError):
    """A class of the user's own that breaks its contract; raised by `bayes_mtl.testing` only."""


def message(argument: str, expected: str, found: object, remedy: str) -> str:
    """One sentence for what was wrong, one for what to do: the form of every input error."""
    return f"{argument}: expected {expected}, found {found}. {remedy}"
