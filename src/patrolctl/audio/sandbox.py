"""The limits of a voice's child process. Standard library only.

The children are run by path and isolated, so they load this with
``runpy.run_path`` instead of importing the package around it.
"""

import ctypes
import resource
import sys

PR_SET_NO_NEW_PRIVS = 38


def confine(*, memory_bytes: int, cpu_s: int, file_bytes: int, files: int = 64) -> None:
    """Limit this process's memory, CPU, file size, descriptors and privileges."""
    for what, wish in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        limit = wish if hard == resource.RLIM_INFINITY else min(wish, hard)
        resource.setrlimit(what, (limit, limit))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
