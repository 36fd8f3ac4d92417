"""Collects everything wrong with one file, so that all of it is told at once."""

import difflib
from functools import lru_cache

from patrolctl.domain.errors import Fault, SiteError

_SHOWN_CHARS = 60


def shown(value: object) -> str:
    """A value from a file, safe and short enough for one line of a terminal.

    Ids and texts come from strangers: control characters would move the
    cursor or colour the screen, a line break would forge a second fault.
    """
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


@lru_cache(maxsize=4096)
def meant(word: str, known: frozenset[str]) -> str | None:
    """The known word that a misspelt one most probably stands for."""
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.75)
    return close[0] if close else None


class FaultList:
    """Faults and warnings of one source, in the order they were found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def add(self, place: str, what: str, right: str = "") -> None:
        """Note a fault at a place within the source ("" is the whole file)."""
        self.faults.append(Fault(self._whole(place), what, right))

    def warn(self, place: str, what: str) -> None:
        """Note something that was assumed or left out."""
        self.warnings.append(f"{self._whole(place)}: {what}")

    def raise_if_any(self) -> None:
        """Refuse the source if anything is wrong with it.

        Raises:
            SiteError: with all faults found so far.
        """
        if self.faults:
            raise SiteError(self.faults)

    def _whole(self, place: str) -> str:
        return f"{self.source}: {place}" if place else self.source
