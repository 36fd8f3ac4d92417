"""What is kept of schedules and of each of their occurrences."""

from datetime import date, datetime
from typing import Protocol

from patrolctl.domain.brief import Occurrence, OccurrenceState, StoredSchedule
from patrolctl.domain.ids import ScheduleId


class ScheduleStore(Protocol):
    """The book of occurrences, shared by all nodes on one database.

    Every method raises StoreFailed when the database itself fails.
    """

    async def save(self, stored: StoredSchedule) -> None:
        """Keep a schedule as it is now; it is watched from then on."""
        ...

    async def stored(self) -> tuple[StoredSchedule, ...]:
        """All that were made, changed or deleted in the service."""
        ...

    async def save_holidays(self, name: str, dates: tuple[date, ...]) -> None:
        """Keep a named list of days; none removes it."""
        ...

    async def holidays(self) -> dict[str, tuple[date, ...]]:
        """The named lists."""
        ...

    async def watched_from(self, schedule_id: ScheduleId) -> datetime | None:
        """Up to when its occurrences are settled; None: never watched."""
        ...

    async def watch_from(self, schedule_id: ScheduleId, since_utc: datetime) -> None:
        """What was due before is none of its occurrences."""
        ...

    async def claim(
        self,
        schedule_id: ScheduleId,
        due_utc: datetime,
        *,
        node: str,
        manual: bool = False,
    ) -> bool:
        """True for exactly one caller, ever, for each occurrence."""
        ...

    async def change(
        self,
        known: Occurrence,
        state: OccurrenceState,
        *,
        outcome: str | None = None,
        node: str | None = None,
    ) -> bool:
        """Move an occurrence on, if it still is as it is known to be.

        ``known`` gives the state and node that it must have. True for one
        caller only; ``node`` replaces its node.
        """
        ...

    async def beat(self, node: str, now_utc: datetime) -> None:
        """Say that a node still works at what it claimed."""
        ...

    async def unfinished(self) -> tuple[Occurrence, ...]:
        """Those that are claimed or launching."""
        ...

    async def questions(self) -> tuple[Occurrence, ...]:
        """Those that wait for the operator, oldest first."""
        ...

    async def recent(
        self, schedule_id: ScheduleId, *, limit: int = 50
    ) -> tuple[Occurrence, ...]:
        """A schedule's occurrences, newest first."""
        ...

    async def occurrence(
        self, schedule_id: ScheduleId, due_utc: datetime
    ) -> Occurrence | None:
        """One of them."""
        ...

    async def release_after(self, schedule_id: ScheduleId, now_utc: datetime) -> int:
        """Take back what was skipped or asked of the future.

        After a clock was put back: what had been launched stays claimed.
        Returns how many were taken back.
        """
        ...
