"""Widths of experts, which networks of them have to agree on."""

from collections.abc import Sequence

from torch import nn

from bayes_mtl._errors import InputError, InputTypeError, message

_INPUTS = ("in_features", "input_size", "in_channels")


def expert_sizes(
    experts: Sequence[nn.Module], in_features: int | None, out_features: int | None
) -> tuple[int, int]:
    """Widths of inputs and outputs of all experts.

    Parameters
    ----------
    in_features, out_features
        Where they were given.

    Raises
    ------
    InputError
        Without experts, where their widths differ, or where they do not tell and were not given.
    InputTypeError
        For experts that are no modules.
    """
    experts = list(experts)
    if not experts:
        raise InputError(message("experts", "at least one network", "none", "See networks.experts."))
    for expert in experts:
        if not isinstance(expert, nn.Module):
            raise InputTypeError(
                message("experts", "instances of nn.Module", repr(expert), "Call networks.experts(...).")
            )
    return (
        _agreed("in_features", [_input(expert) for expert in experts], in_features),
        _agreed("out_features", [getattr(expert, "out_features", None) for expert in experts], out_features),
    )


def _input(expert: nn.Module) -> object:
    """What the first module that has an input width says; None where none does."""
    for module in expert.modules():
        for name in _INPUTS:
            found = getattr(module, name, None)
            if isinstance(found, int):
                return found
    return None


def _agreed(name: str, found: Sequence[object], given: int | None) -> int:
    told = {size for size in found if isinstance(size, int)} | ({given} if given is not None else set())
    if len(told) != 1:
        raise InputError(
            message(
                f"experts ({name})",
                "one width for all",
                f"{sorted(told)}" if told else "none that says",
                f"Pass {name}=." if not told else "Give all experts the same.",
            )
        )
    return told.pop()
