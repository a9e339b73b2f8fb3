"""Whether the C++ compiler knows the processor's vector instructions."""

import subprocess
from functools import cache

_OPTIONS = (
    *("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx512vnni", "-mfma"),
    *("-mamx-tile", "-mamx-bf16", "-mamx-int8"),
)


@cache
def compiler_knows_all() -> bool | None:
    """True where the compiler takes every option it may be given on x86; None where torch has to try.

    Torch asks by building and running three programs, a quarter of a first compilation. That the processor
    has the instructions is known without them.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler

    command = [get_cpp_compiler(), *_OPTIONS, "-E", "-x", "c++", "-"]
    known = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return True if known.returncode == 0 else None
