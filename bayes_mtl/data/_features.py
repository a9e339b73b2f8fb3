"""Which features vary by task, and which belong together."""

from collections.abc import Mapping, Sequence

from bayes_mtl._errors import InputError, InputTypeError, message
from bayes_mtl.data._names import label_text, listed, suggestion

Terms = Mapping[str, Sequence[str]]
"""Columns that each term of a formula became: its name stands for all of them."""


def split_features(
    names: Sequence[str], varying: Sequence[str] | None, terms: Terms
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features whose weights vary by task, and the others, each in the order of ``names``."""
    if varying is None:
        return tuple(names), ()
    chosen = set(expand(varying, names, terms, "varying"))
    return tuple(n for n in names if n in chosen), tuple(n for n in names if n not in chosen)


def expand(given: Sequence[str], names: Sequence[str], terms: Terms, argument: str) -> list[str]:
    """Names of features, terms replaced by their columns."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputTypeError(
            message(argument, "a list of feature names", repr(given), f"Write {argument}=[...].")
        )
    found: list[str] = []
    for entry in given:
        name = label_text(entry)
        if name in names:
            found.append(name)
        elif name in terms:
            found.extend(terms[name])
        else:
            raise InputError(
                message(
                    argument,
                    "names of features",
                    repr(name),
                    f"{suggestion(name, [*names, *terms])}The features are {listed(names, 12)}.",
                )
            )
    return found


def assign_groups(
    features: Sequence[str],
    fixed: Sequence[str],
    groups: Mapping[str, str | Sequence[str]] | None,
    terms: Terms,
) -> tuple[str, ...]:
    """Group of each varying feature, from group → features or feature → group."""
    if groups is None:
        return ()
    if not isinstance(groups, Mapping):
        raise InputTypeError(
            message("groups", "a mapping group -> features", type(groups).__name__, "Pass a dict.")
        )
    names = [*features, *fixed]
    group_of: dict[str, str] = {}
    for key, value in groups.items():
        members, group = ([key], value) if isinstance(value, str) else (value, label_text(key))
        for name in expand(members, names, terms, "groups"):
            if group_of.setdefault(name, group) != group:
                raise InputError(
                    message(
                        "groups",
                        f"one group for '{name}'",
                        f"'{group_of[name]}' and '{group}'",
                        "Keep one of them.",
                    )
                )
    lone = [name for name in features if name not in group_of]
    if lone:
        raise InputError(
            message(
                "groups", "a group for every varying feature", f"none for {listed(lone)}", "Add them to one."
            )
        )
    shared = [name for name in fixed if name in group_of]
    if shared:
        raise InputError(
            message(
                "groups",
                "features whose weights vary by task",
                f"{listed(shared)}, which have one weight for all tasks",
                "Leave them out of groups.",
            )
        )
    return tuple(group_of[name] for name in features)
