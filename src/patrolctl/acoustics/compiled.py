"""One typed door to numba, for the few loops that numpy cannot express."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk, drop the GIL.

    A cached kernel does not notice that a kernel of *another* file has
    changed, so kernels call only those of their own file.
    """
    jit = njit(cache=True, nogil=True, fastmath=False)
    return cast("Callable[P, R]", jit(function))
