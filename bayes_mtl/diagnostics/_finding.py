"""One thing that a check found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    severity
        ``"serious"``: the results are wrong or may well be; ``"warning"``: a part of them is doubtful;
        ``"note"``: good to know.
    title
        One line.
    what
        What was found, and which results it touches.
    remedy
        What to try, the easiest first.
    names
        Tasks, features or sites concerned, the worst first.
    """

    severity: Literal["serious", "warning", "note"]
    title: str
    what: str
    remedy: str
    names: tuple[str, ...] = ()
