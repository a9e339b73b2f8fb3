"""Devices by their names in torch."""

import torch

from bayes_mtl._errors import InputError, message

AUTO = "auto"


def require_name(device: str) -> None:
    """Refuse what is no device's name, or one that holds no numbers.

    Raises
    ------
    InputError
        For any but ``"auto"`` and names that torch knows.
    """
    try:
        known = device == AUTO or torch.device(device).type != "meta"
    except (RuntimeError, TypeError):
        known = False
    if not known:
        expected = "'auto', 'cpu', 'cuda', 'cuda:1' or another name that torch knows"
        raise InputError(message("device", expected, repr(device), "Leave it out."))


def present(name: str) -> torch.device:
    """The device of that name.

    Raises
    ------
    InputError
        Where this machine, or this build of torch, has none.
    """
    device = torch.device(name)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise InputError(
            message(
                "device",
                f"one that torch finds here (a CPU and {gpus} GPUs)",
                repr(name),
                "Leave it out, or install a torch for that device.",
            )
        ) from error
    return device
