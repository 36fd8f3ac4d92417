"""The ScheduleStore port in a dictionary, for tests on a clock moved by hand.

``tests/unit/store/test_schedules.py`` holds it against the same contract as
the databases.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace

from patrolctl.clock import ManualClock
from patrolctl.domain.brief import Occurrence, OccurrenceState, StoredSchedule
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.ids import ScheduleId

WORKING = {OccurrenceState.CLAIMED, OccurrenceState.LAUNCHING}
RELEASED = {OccurrenceState.SKIPPED, OccurrenceState.ASKING}


class MemoryBook:
    """``broken`` makes it fail."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.known: dict[tuple[str, datetime], Occurrence] = {}
        self.marks: dict[str, datetime] = {}
        self.docs: dict[str, StoredSchedule] = {}
        self.lists: dict[str, tuple[date, ...]] = {}
        self.broken: str | None = None

    def _touch(self) -> None:
        if self.broken:
            raise StoreFailed(self.broken)

    async def save(self, stored: StoredSchedule) -> None:
        self._touch()
        self.docs[stored.schedule.id] = stored
        self.marks[stored.schedule.id] = stored.changed_utc

    async def stored(self) -> tuple[StoredSchedule, ...]:
        self._touch()
        return tuple(self.docs.values())

    async def save_holidays(self, name: str, dates: tuple[date, ...]) -> None:
        self.lists.pop(name, None)
        if dates:
            self.lists[name] = tuple(sorted(set(dates)))

    async def holidays(self) -> dict[str, tuple[date, ...]]:
        return dict(self.lists)

    async def watched_from(self, schedule_id: ScheduleId) -> datetime | None:
        self._touch()
        due = [
            o.due_utc
            for o in self.known.values()
            if o.schedule_id == schedule_id and not o.manual
        ]
        mark = self.marks.get(schedule_id)
        known = due + ([] if mark is None else [mark])
        return max(known) if known else None

    async def watch_from(self, schedule_id: ScheduleId, since_utc: datetime) -> None:
        self._touch()
        self.marks[schedule_id] = since_utc

    async def claim(
        self,
        schedule_id: ScheduleId,
        due_utc: datetime,
        *,
        node: str,
        manual: bool = False,
    ) -> bool:
        self._touch()
        if (schedule_id, due_utc) in self.known:
            return False
        now = self.clock.utc()
        self.known[schedule_id, due_utc] = Occurrence(
            schedule_id,
            due_utc,
            state=OccurrenceState.CLAIMED,
            manual=manual,
            node=node,
            claimed_utc=now,
            beat_utc=now,
        )
        return True

    async def change(
        self,
        known: Occurrence,
        state: OccurrenceState,
        *,
        outcome: str | None = None,
        node: str | None = None,
    ) -> bool:
        self._touch()
        key = (known.schedule_id, known.due_utc)
        now = self.known.get(key)
        if now is None or (now.state, now.node) != (known.state, known.node):
            return False
        self.known[key] = replace(
            now,
            state=state,
            outcome=outcome if outcome is not None else now.outcome,
            node=node or now.node,
            beat_utc=self.clock.utc() if node else now.beat_utc,
        )
        return True

    async def beat(self, node: str, now_utc: datetime) -> None:
        self._touch()
        for key, o in self.known.items():
            if o.node == node and o.state in WORKING:
                self.known[key] = replace(o, beat_utc=now_utc)

    async def unfinished(self) -> tuple[Occurrence, ...]:
        self._touch()
        return self._sorted(o for o in self.known.values() if o.state in WORKING)

    async def questions(self) -> tuple[Occurrence, ...]:
        asking = OccurrenceState.ASKING
        return self._sorted(o for o in self.known.values() if o.state is asking)

    async def recent(
        self, schedule_id: ScheduleId, *, limit: int = 50
    ) -> tuple[Occurrence, ...]:
        mine = (o for o in self.known.values() if o.schedule_id == schedule_id)
        return self._sorted(mine)[::-1][:limit]

    async def occurrence(
        self, schedule_id: ScheduleId, due_utc: datetime
    ) -> Occurrence | None:
        return self.known.get((schedule_id, due_utc))

    async def release_after(self, schedule_id: ScheduleId, now_utc: datetime) -> int:
        gone = [
            key
            for key, o in self.known.items()
            if o.schedule_id == schedule_id
            and o.due_utc > now_utc
            and o.state in RELEASED
            and not o.manual
        ]
        for key in gone:
            del self.known[key]
        return len(gone)

    @staticmethod
    def _sorted(found) -> tuple[Occurrence, ...]:
        return tuple(sorted(found, key=lambda o: o.due_utc))


@asynccontextmanager
async def opened(clock: ManualClock) -> AsyncIterator[SimpleNamespace]:
    yield SimpleNamespace(schedules=MemoryBook(clock))
