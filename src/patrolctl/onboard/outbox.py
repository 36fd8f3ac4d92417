"""Reports that wait for the broker, also while the disk takes nothing.

``mqtt.outbox`` keeps them in a file. When that cannot be written, even in the
reserve's space, they wait in memory and go to the file as soon as it takes
them; nothing that the agent does stops for it.
"""

import itertools
import logging
import sqlite3
from pathlib import Path

from patrolctl.mqtt.outbox import Message, Outbox
from patrolctl.onboard.reserve import SMALL_LOG, Reserve, with_room

log = logging.getLogger(__name__)

MOST_HELD = 5000


class PatientOutbox(Outbox):
    """An outbox that never raises because of its disk.

    Args:
        path: its file.
        reserve: space that is given up for it.
    """

    def __init__(self, path: Path, reserve: Reserve) -> None:
        super().__init__(path, durable=True)
        self._db.execute(SMALL_LOG)
        self._reserve = reserve
        # Rows in memory have negative numbers, so that they cannot be mixed up.
        self._numbers = itertools.count(-1, -1)
        self._held: dict[int, Message] = {}
        self._sent: set[int] = set()
        self.trouble: str | None = None

    def __len__(self) -> int:
        return super().__len__() + len(self._held) - len(self._sent)

    def put(self, message: Message) -> None:
        """Append, to the file or, where it takes nothing, in memory."""
        try:
            with_room(self._reserve, lambda: super(PatientOutbox, self).put(message))
        except sqlite3.Error as e:
            if self.trouble is None:
                log.warning("reports wait in memory (%s)", e)
            self.trouble = str(e)
            if len(self._held) >= MOST_HELD:
                self._held.pop(next(iter(self._held)))
            self._held[next(self._numbers)] = message

    def settle(self, flying: set[int]) -> bool:
        """Bring the file up to date, as far as it goes; whether it is.

        Args:
            flying: rows that are on their way to the broker now.
        """
        try:
            for row in list(self._sent):
                super().done(row)
                self._sent.discard(row)
            for row in [r for r in self._held if r not in flying]:
                super().put(self._held[row])
                del self._held[row]
        except sqlite3.Error as e:
            self.trouble = str(e)
            return False
        if not self._held:
            self.trouble = None
        return True

    def head(self, count: int, skip: set[int]) -> list[tuple[int, Message]]:
        """The next messages: those of the file, then those in memory."""
        try:
            rows = super().head(count, skip | self._sent)
        except sqlite3.Error as e:
            self.trouble = str(e)
            rows = []
        more = [(row, m) for row, m in self._held.items() if row not in skip]
        return (rows + more)[:count]

    def done(self, row: int) -> None:
        """Forget an acknowledged message, if need be as soon as possible."""
        if row < 0:
            self._held.pop(row, None)
            return
        try:
            with_room(self._reserve, lambda: super(PatientOutbox, self).done(row))
        except sqlite3.Error as e:
            self.trouble = str(e)
            self._sent.add(row)

    def withdraw(self, topic: str, part: bytes, keep: set[int]) -> int:
        """Forget a topic's messages that contain ``part``, except ``keep``."""
        held = [
            row
            for row, m in self._held.items()
            if row not in keep and m.topic == topic and part in m.payload
        ]
        for row in held:
            del self._held[row]
        try:
            return len(held) + super().withdraw(topic, part, keep)
        except sqlite3.Error as e:
            self.trouble = str(e)
            return len(held)
