"""How many draws a fit keeps."""

from bayes_mtl._errors import InputError, message

USUAL, _FEWEST, _MOST = 1_000, 100, 100_000_000


def number_of_draws(asked: int | None, weights: int) -> int:
    """``asked``, or by default 1,000; fewer, at least 100, where all tasks' weights would take over 0.4 GB.

    Parameters
    ----------
    asked
        By the user, or None.
    weights
        Weights of all tasks, tasks x features x outputs.
    """
    if asked is not None:
        return asked
    return max(_FEWEST, min(USUAL, _MOST // max(1, weights)))


def require_draws(asked: int | None) -> None:
    """Refuse fewer draws than one."""
    if asked is not None and asked < 1:
        raise InputError(message("draws", "at least 1, or None", asked, "Leave it out."))
