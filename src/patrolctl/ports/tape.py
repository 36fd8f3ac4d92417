"""What was said live, kept as a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TapeEnd:
    """A finished recording. ``sha256`` of its bytes names its file."""

    sha256: str
    path: Path
    duration_s: float


class Tape(Protocol):
    """One recording under way."""

    def add(self, packet: bytes) -> None:
        """Append one Opus packet.

        Raises:
            StoreFailed: the disk does not take it.
        """
        ...

    def close(self) -> TapeEnd:
        """Finish the file.

        Raises:
            StoreFailed: the disk does not take it.
        """
        ...

    def discard(self) -> None:
        """Nothing was said: keep nothing."""
        ...


class Tapes(Protocol):
    """Where recordings are kept."""

    def begin(self, name: str) -> Tape:
        """Begin one; raises StoreFailed."""
        ...

    def find(self, sha256: str) -> Path | None:
        """The file of a finished one."""
        ...
