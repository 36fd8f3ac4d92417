"""One process a data directory."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patrolctl.domain.errors import Conflict, StoreFailed


@contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for as long as the context lasts.

    Two processes on it would each take the other's runs for left-overs. The
    kernel lets go of the lock when the process dies, however it dies.

    Raises:
        Conflict: another process holds it.
        StoreFailed: the directory cannot be written.
    """
    path = data_dir / "lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as e:
        raise StoreFailed(f"{data_dir}: {e.strerror}") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"{data_dir} is in use by another patrolctl; ask that one over HTTP,"
                " or set PATROLCTL_DATA_DIR"
            ) from None
        yield
