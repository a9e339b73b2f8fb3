"""The channels of intensive-care stays as the MIMIC-III benchmark has them, and their hourly bins.

Harutyunyan, Khachatrian, Kale, Ver Steeg and Galstyan, *Multitask learning and benchmarking with clinical
time series data* (Scientific Data 2019): 17 channels, five of them categories, are 59 columns and 17 masks.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bayes_mtl._errors import InputError, message
from bayes_mtl.data._names import listed

_TOTALS = tuple(str(score) for score in (11, 10, 13, 12, 15, 14, 3, 5, 4, 7, 6, 9, 8))
_EYES = (
    "To Pain", "3 To speech", "1 No Response", "4 Spontaneously", "None", "To Speech", "Spontaneously",
    "2 To pain",
)  # fmt: skip
_MOTOR = (
    "1 No Response", "3 Abnorm flexion", "Abnormal extension", "No response", "4 Flex-withdraws",
    "Localizes Pain", "Flex-withdraws", "Obeys Commands", "Abnormal Flexion", "6 Obeys Commands",
    "5 Localizes Pain", "2 Abnorm extensn",
)  # fmt: skip
_VERBAL = (
    "1 No Response", "No Response", "Confused", "Inappropriate Words", "Oriented", "No Response-ETT",
    "5 Oriented", "Incomprehensible sounds", "1.0 ET/Trach", "4 Confused", "2 Incomp sounds",
    "3 Inapprop words",
)  # fmt: skip
CHANNELS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Capillary refill rate": (("0.0", "1.0"), "0.0"),
    "Diastolic blood pressure": ((), "59.0"),
    "Fraction inspired oxygen": ((), "0.21"),
    "Glascow coma scale eye opening": (_EYES, "4 Spontaneously"),
    "Glascow coma scale motor response": (_MOTOR, "6 Obeys Commands"),
    "Glascow coma scale total": (_TOTALS, "15"),
    "Glascow coma scale verbal response": (_VERBAL, "5 Oriented"),
    "Glucose": ((), "128.0"),
    "Heart Rate": ((), "86"),
    "Height": ((), "170.0"),
    "Mean blood pressure": ((), "77.0"),
    "Oxygen saturation": ((), "98.0"),
    "Respiratory rate": ((), "19"),
    "Systolic blood pressure": ((), "118.0"),
    "Temperature": ((), "36.6"),
    "Weight": ((), "81.0"),
    "pH": ((), "7.4"),
}
"""Channel -> its categories (none for numbers), and the value taken before its first measurement."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    name: tuple(f"{name}->{category}" for category in categories) or (name,)
    for name, (categories, _) in CHANNELS.items()
}
"""Channel -> its columns."""
FEATURES = (
    *(column for columns in COLUMNS.values() for column in columns),
    *(f"mask->{name}" for name in CHANNELS),
)
"""The 76 columns of the benchmark."""


def bins(hours: np.ndarray, channels: Mapping[str, Sequence[str]], number: int, source: str) -> np.ndarray:
    """``[number, 76]`` float32: the last measurement of each hour, earlier ones carried forward, and masks.

    Parameters
    ----------
    hours
        ``[events]``: time of each event, rising; those beyond the last bin are left out.
    channels
        Channel -> text of its value at each event, empty where it was not measured.
    number
        Of hourly bins; an event on the full hour belongs to the bin that it ends.
    source
        Name of the file, for errors.
    """
    place = np.maximum(np.ceil(hours - 1e-6).astype(int) - 1, 0)
    made = np.zeros((number, len(FEATURES)), dtype=np.float32)
    start = 0
    for c, (name, (categories, normal)) in enumerate(CHANNELS.items()):
        texts = np.asarray(channels[name], dtype=object)
        there = np.flatnonzero((texts != "") & (place < number))
        last = np.full(number + 1, -1)
        last[place[there] + 1] = there  # the last write, and so the last measurement, wins
        measured = last[1:] >= 0
        # Carried forward; at -1 nothing was measured yet.
        event = np.maximum.accumulate(last)[1:]
        values, codes = np.unique(np.append(texts[there], normal).astype(str), return_inverse=True)
        code = np.full(len(texts) + 1, codes[-1])
        code[there] = codes[:-1]
        numbers = np.array([_number(text, name, categories, source) for text in values])[code[event]]
        width = len(categories) or 1
        if categories:
            made[np.arange(number), start + numbers.astype(int)] = 1.0
        else:
            made[:, start] = numbers
        made[:, len(FEATURES) - len(CHANNELS) + c] = measured
        start += width
    return made


def _number(text: str, channel: str, categories: tuple[str, ...], source: str) -> float:
    """Value of a number, or position of a category (3.0 and 3 are the same)."""
    value = _as_float(text)
    if not categories and value is not None:
        return value
    for i, category in enumerate(categories):
        if text == category or (value is not None and value == _as_float(category)):
            return float(i)
    expected = f"one of {listed(categories)} in {channel!r}" if categories else f"a number in {channel!r}"
    raise InputError(message(source, expected, repr(text), "Correct the file."))


def _as_float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
