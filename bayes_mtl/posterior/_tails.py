"""Ends of central intervals."""

from bayes_mtl._errors import InputError, message


def tails(level: float) -> tuple[float, float]:
    """Probabilities below the two ends of a central interval of probability ``level``.

    Raises
    ------
    InputError
        For a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise InputError(message("level", "between 0 and 1", level, "Use 0.9 for 90 % intervals."))
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0
