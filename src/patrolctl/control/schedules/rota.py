"""Which schedules there are: the missions' own, and those made in the service."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from patrolctl.control.announcing.library import Library
from patrolctl.control.planning.planner import KIND_OF
from patrolctl.domain.brief import Brief, Schedule, StoredSchedule
from patrolctl.domain.errors import Conflict, Fault, InputError, NotFound
from patrolctl.ports import ScheduleStore
from patrolctl.ports.calendar import CalendarFormat

LATE_MAX_S = 86400.0


class Recurrence(Protocol):
    """What expands rules; the package ``durable`` does."""

    @property
    def next_occurrences(
        self,
    ) -> Callable[[Schedule, datetime, int], tuple[datetime, ...]]:
        """The next so many after a moment."""
        ...

    @property
    def occurrences_between(
        self,
    ) -> Callable[[Schedule, datetime, datetime], tuple[datetime, ...]]:
        """All after one moment up to another."""
        ...

    @property
    def check_schedule(self) -> Callable[[Schedule], None]:
        """Refuses, with InputError, a rule that is none or never occurs."""
        ...

    @property
    def rule_text(self) -> Callable[[str], str]:
        """A rule in its normal form; InputError where it is none."""
        ...


@dataclass(frozen=True, slots=True)
class Almanac:
    """What knows rules and calendars."""

    rules: Recurrence
    calendars: CalendarFormat


class Source(StrEnum):
    """Who says that a schedule is so."""

    MISSION = "mission"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule, as it was written and as it is expanded.

    ``resolved`` has the days of its holiday lists among those left out,
    ``fault`` says in a line why it is not carried out.
    """

    mission_id: str
    schedule: Schedule
    resolved: Schedule
    source: Source
    brief: Brief | None
    fault: str | None = None


class Rota:
    """Reads the missions and the book each time: other nodes write it too."""

    def __init__(self, library: Library, book: ScheduleStore, rules: Recurrence):
        self._library = library
        self._book = book
        self._rules = rules
        self._check_ids()

    def _check_ids(self) -> None:
        owners: dict[str, str] = {}
        for mission_id, brief in self._library.briefs.items():
            for schedule in brief.schedules:
                other = owners.setdefault(schedule.id, mission_id)
                if other != mission_id or brief.schedules.count(schedule) > 1:
                    raise InputError.one(
                        f"mission {mission_id}",
                        f"schedule {schedule.id} exists in mission {other} too",
                        "an id of its own",
                    )

    async def entries(self) -> tuple[Entry, ...]:
        """All there are; what was made here stands for a mission's own."""
        lists = await self._book.holidays()
        stored = {s.schedule.id: s for s in await self._book.stored()}
        found = [
            self._entry(mission_id, schedule, Source.MISSION, lists)
            for mission_id, brief in self._library.briefs.items()
            for schedule in brief.schedules
            if schedule.id not in stored
        ]
        found += [
            self._entry(s.mission_id, s.schedule, Source.SERVICE, lists)
            for s in stored.values()
            if not s.deleted
        ]
        return tuple(found)

    async def find(self, schedule_id: str) -> Entry:
        """One of them; raises NotFound."""
        for entry in await self.entries():
            if entry.schedule.id == schedule_id:
                return entry
        raise NotFound("schedule", schedule_id)

    def _entry(
        self,
        mission_id: str,
        schedule: Schedule,
        source: Source,
        lists: Mapping[str, tuple[date, ...]],
    ) -> Entry:
        brief = self._library.briefs.get(mission_id)
        if brief is None:
            gone = f"its mission {mission_id} (and site) does not exist any more"
            return Entry(mission_id, schedule, schedule, source, None, gone)
        named = {**lists, **brief.holidays}
        missing = [n for n in schedule.holidays if n not in named]
        fault = f"there is no holiday list {missing[0]}" if missing else None
        days = {d for n in schedule.holidays for d in named.get(n, ())}
        resolved = schedule
        if days:
            every = tuple(sorted(days.union(schedule.except_dates)))
            resolved = replace(schedule, except_dates=every)
        return Entry(mission_id, schedule, resolved, source, brief, fault)

    async def resolved(self, mission_id: str, schedule: Schedule) -> Schedule:
        """A schedule with its holidays among the days left out."""
        lists = await self._book.holidays()
        return self._entry(mission_id, schedule, Source.SERVICE, lists).resolved

    # -- changes

    async def check(self, mission_id: str, schedule: Schedule) -> None:
        """Refuse what could never be carried out, all of it at once.

        Raises:
            NotFound: no such mission.
            InputError: one line a fault.
        """
        brief = self._library.brief(mission_id)
        place = f"schedule {schedule.id}"
        faults = self._faults(place, brief, schedule)
        lists = {**await self._book.holidays(), **brief.holidays}
        faults += [
            Fault(place, f"there is no holiday list {name}")
            for name in schedule.holidays
            if name not in lists
        ]
        if faults:
            raise InputError(faults)
        resolved = await self.resolved(mission_id, schedule)
        # In a thread: a rule that meets no day is found so by looking far.
        await asyncio.to_thread(self._rules.check_schedule, resolved)

    def _faults(self, place: str, brief: Brief, schedule: Schedule) -> list[Fault]:
        faults: list[Fault] = []
        try:
            self._library.message(brief, schedule.announcement)
        except Conflict:
            pass  # a draft may be approved by then; the launch looks again
        except InputError as e:
            faults += e.faults
        try:
            ZoneInfo(schedule.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            right = "an IANA time zone such as Asia/Shanghai"
            faults.append(Fault(place, f"time_zone is {schedule.time_zone!r}", right))
        for kind in schedule.work:
            if not any(v.kind is KIND_OF[kind] for v in brief.fleet):
                what = f"the mission has no {KIND_OF[kind]} for {kind} work"
                faults.append(Fault(place, what))
        if not schedule.work:
            faults.append(Fault(place, "has no work", "drone, loop or both"))
        if not 0.0 <= schedule.late_s <= LATE_MAX_S:
            right = f"0 to {LATE_MAX_S:.0f} s"
            faults.append(Fault(place, f"late_s is {schedule.late_s:g}", right))
        return faults

    async def save(
        self,
        mission_id: str,
        schedule: Schedule,
        actor: str,
        now_utc: datetime,
        *,
        deleted: bool = False,
    ) -> None:
        """Keep it as it is now."""
        await self._book.save(
            StoredSchedule(mission_id, schedule, now_utc, actor, deleted=deleted)
        )
