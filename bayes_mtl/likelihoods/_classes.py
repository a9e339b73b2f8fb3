"""How many classes the targets have."""

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data import TaskData
from bayes_mtl.likelihoods._checks import check_support, whole


def checked_number_of_classes(classes: int | np.integer | None) -> int | None:
    """The setting ``classes`` as a plain number, which a file can hold; below 2 it is refused."""
    if classes is None:
        return None
    if not isinstance(classes, (int, np.integer)) or classes < 2:
        raise InputError(
            message(
                "classes",
                "a whole number of 2 or more",
                repr(classes),
                "Leave it out to read it from the data.",
            )
        )
    return int(classes)


def number_of_classes(classes: int | None, data: TaskData) -> int:
    """The setting, else the named classes of the data, else one more than the largest target."""
    if classes is not None:
        return classes
    if data.schema.classes:
        return len(data.schema.classes)
    check_classes(data, None)
    lowest, found = (int(data.y.min()), int(data.y.max()) + 1) if data.y.size else (0, 2)
    # ratings from 1 to 5 would have a sixth class that nobody can give
    if lowest > 0:
        raise InputError(
            message(
                "y",
                "classes numbered from 0",
                f"numbers from {lowest} to {found - 1}",
                f"Subtract {lowest}; or pass pandas.Categorical(y, ordered=True), which keeps the numbers as "
                f"names; or classes={found} where only these data lack class 0.",
            )
        )
    if found < 2:
        raise InputError(message("y", "2 or more classes", "class 0 only", "Pass classes=, or more data."))
    # a count or an identifier taken for a class would ask for that many outputs
    if found > max(100, data.y.size):
        raise InputError(
            message(
                "y",
                "classes numbered from 0",
                f"number {found - 1} among {data.y.size} observations",
                "Number the classes 0, 1, ..., or pass classes=.",
            )
        )
    return found


def check_classes(data: TaskData, classes: int | None) -> None:
    """Refuse targets that are not classes ``0 .. classes - 1``."""
    inside = whole(data.y)
    expected = "classes numbered 0, 1, ..."
    if classes is not None:
        inside &= data.y < classes
        expected = f"classes numbered 0 to {classes - 1}"
    check_support(data, inside, expected, "Number the classes from 0, or pass classes=.")


def frequencies(data: TaskData, classes: int) -> np.ndarray:
    """Share of each class, half an observation added to each."""
    counts = np.bincount(data.y.astype(np.int64), minlength=classes) + 0.5
    share: np.ndarray = counts / counts.sum()
    return share
