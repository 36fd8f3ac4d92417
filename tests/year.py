"""A simulated year of schedules: several zones, two nodes, restarts, crashes.

Time is moved by hand from one thing that happens to the next. What should
have happened is reckoned here anew, from dates and ``zoneinfo`` alone. Each
launch is written into a ledger; at the end ledger, book and what should have
been are laid side by side.
"""

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from patrolctl.clock import ManualClock
from patrolctl.control.schedules.occurring import Desk, LaunchToken
from patrolctl.domain.brief import (
    MissedPolicy,
    Occurrence,
    OccurrenceState,
    Schedule,
)
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import Ticker
from patrolctl.durable.leftovers import LEASE
from patrolctl.durable.policy import GRACE_S
from patrolctl.ports import ScheduleStore

ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "America/Havana",  # its clocks change at midnight
    "Africa/Cairo",
    "Pacific/Auckland",
    "UTC",
)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
HOLIDAYS = (date(2026, 1, 1), date(2026, 5, 1), date(2026, 10, 1), date(2026, 12, 25))
# A node that takes over needs its lease to run out, and to look.
TAKES_OVER = LEASE + timedelta(seconds=70)


class SetClock(ManualClock):
    """One time for all nodes, set by the year; each node's is off a little."""

    def __init__(self, shared: list[datetime], off_s: float) -> None:
        super().__init__()
        self._shared = shared
        self._off = timedelta(seconds=off_s)
        self._origin = shared[0]

    def utc(self) -> datetime:
        return self._shared[0] + self._off

    def monotonic_s(self) -> float:
        return (self._shared[0] - self._origin).total_seconds()


@dataclass(frozen=True)
class Pattern:
    """A schedule, and the days on which it should happen."""

    schedule: Schedule
    happens: Callable[[date], bool]

    def due(self, first: date, last: date) -> Iterator[datetime]:
        """Every moment that should be, told by dates and zones alone."""
        s = self.schedule
        zone = ZoneInfo(s.time_zone)
        day = first
        while day <= last:
            if self.happens(day) and day not in s.except_dates:
                local = datetime.combine(day, s.start_local.time())
                yield local.replace(tzinfo=zone).astimezone(UTC)
            day += timedelta(days=1)


def pattern(number: int, dice: random.Random, start: date) -> Pattern:
    """A random schedule."""
    at = dice.choice((time(0, 0), time(2, 30), time(dice.randrange(24), 0)))
    if dice.random() < 0.3:
        at = time(dice.randrange(24), dice.choice((0, 30)))
    days = dice.sample(range(7), dice.randrange(1, 4))
    by_day = ",".join(DAYS[d] for d in sorted(days))
    step = dice.randrange(2, 5)
    month_day = dice.randrange(1, 29)
    rule, happens = dice.choice(
        [
            ("FREQ=DAILY", lambda d: d >= start),
            (f"FREQ=WEEKLY;BYDAY={by_day}", lambda d: d.weekday() in days),
            (f"FREQ=DAILY;INTERVAL={step}", lambda d: (d - start).days % step == 0),
            (f"FREQ=MONTHLY;BYMONTHDAY={month_day}", lambda d: d.day == month_day),
        ]
    )
    schedule = Schedule(
        id=ScheduleId(f"s{number:03d}"),
        announcement=AnnouncementId("a"),
        work=(PlanKind.DRONE,),
        rrule=rule,
        start_local=datetime.combine(start, at),
        time_zone=dice.choice(ZONES),
        except_dates=HOLIDAYS if dice.random() < 0.3 else (),
        late_s=float(dice.choice((120, 900, 7200))),
        missed=dice.choice(tuple(MissedPolicy)),
    )
    return Pattern(schedule, happens)


class Tasks:
    """Stands in for a TaskGroup: what it started can be killed."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def create_task(
        self, work: Coroutine[object, object, None], *, name: str
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        return task

    async def settle(self) -> None:
        while self.tasks:
            done, _ = await asyncio.wait(self.tasks)
            self.tasks -= done  # those may have started others meanwhile
            for task in done:
                task.result()

    async def kill(self) -> None:
        while self.tasks:
            for task in self.tasks:
                task.cancel()
            done, _ = await asyncio.wait(self.tasks)
            self.tasks -= done


@dataclass
class Ledger:
    """What was launched, by whom and when; and the nodes' lives."""

    launches: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    on_record: set[tuple[str, datetime]] = field(default_factory=set)
    up: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    crashes: int = 0
    starts: int = 0


class Node:
    """One service's ticker, through its processes."""

    def __init__(self, name: str, year: "Year", book: ScheduleStore) -> None:
        self.name = name
        self.book = book
        self._year = year
        self._clock = SetClock(year.now, year.dice.uniform(-0.4, 0.4))
        self._since: datetime | None = None
        self.ticker: Ticker | None = None
        self.tasks = Tasks()

    @property
    def is_up(self) -> bool:
        return self.ticker is not None

    def start(self) -> None:
        self._year.ledger.starts += 1
        boot = self._year.ledger.starts
        self._since = self._year.now[0]
        desk = Desk(self.book, f"{self.name}/{boot}", self._clock)
        year = self._year

        async def watched() -> object:
            return year.schedules, frozenset()

        async def fire(schedule: Schedule, due: datetime) -> str:
            await LaunchToken(desk, schedule, due).take()
            await asyncio.sleep(0)
            year.ledger.on_record.add((schedule.id, due))
            year.ledger.launches.append((schedule.id, due, year.now[0]))
            await asyncio.sleep(0)
            return "launched"

        async def found(occurrence: Occurrence) -> str | None:
            key = (occurrence.schedule_id, occurrence.due_utc)
            return "launched" if key in year.ledger.on_record else None

        self.ticker = Ticker(watched, desk, fire, found)  # type: ignore[arg-type]

    async def stop(self) -> None:
        """As good as kill -9: what it was at is left as it stands."""
        await self.tasks.kill()
        if self._since is not None:
            self._year.ledger.up.append((self.name, self._since, self._year.now[0]))
        self.ticker = self._since = None

    async def tick(self, *, crash_after: int | None) -> None:
        """Look once; ``crash_after`` so many turns of the loop it dies."""
        assert self.ticker is not None
        work = asyncio.get_running_loop().create_task(
            self.ticker.tick(self.tasks)  # type: ignore[arg-type]
        )
        self.tasks.tasks.add(work)
        if crash_after is None:
            await self.tasks.settle()
            return
        for _ in range(crash_after):
            await asyncio.sleep(0)
            if work.done() and not self.tasks.tasks - {work}:
                break
        self._year.ledger.crashes += 1
        await self.stop()


class Year:
    """The year.

    Args:
        seed: decides everything.
        schedules: how many.
        days: how long.
        crash: the chance that a node dies at a tick.
    """

    START = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(
        self, seed: int, *, schedules: int, days: int = 365, crash: float = 0.004
    ) -> None:
        self.dice = random.Random(seed)
        self.now = [self.START]
        self.end = self.START + timedelta(days=days)
        start = (self.START - timedelta(days=2)).date()
        self.patterns = [pattern(n, self.dice, start) for n in range(schedules)]
        self.schedules = tuple(p.schedule for p in self.patterns)
        self.ledger = Ledger()
        self._crash = crash
        self._events: list[tuple[datetime, int, str]] = []
        self._count = 0

    def _at(self, when: datetime, what: str) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what))

    def _down_for(self) -> timedelta:
        kind = self.dice.random()
        if kind < 0.7:
            return timedelta(seconds=self.dice.uniform(5, 50))
        if kind < 0.9:
            return timedelta(minutes=self.dice.uniform(2, 30))
        return timedelta(hours=self.dice.uniform(1, 6))

    async def run(self, books: dict[str, ScheduleStore]) -> Counter[str]:
        """Live through it; what it came to."""
        nodes = {name: Node(name, self, book) for name, book in books.items()}
        for name in nodes:
            self._at(self.START, f"up {name}")
        for _ in range(max(1, (self.end - self.START).days // 30)):
            both = self.START + (self.end - self.START) * self.dice.random()
            self._at(both, "down both")
        while self._events:
            when, _, what = heapq.heappop(self._events)
            if when >= self.end:
                break
            self.now[0] = max(self.now[0], when)
            await self._happen(what, nodes)
        self.now[0] = self.end
        # What was left in the last minutes is seen to.
        for minutes in (0, 4, 8):
            self.now[0] = self.end + timedelta(minutes=minutes)
            for node in nodes.values():
                if not node.is_up:
                    node.start()
                await node.tick(crash_after=None)
        for node in nodes.values():
            await node.stop()
        return await self._judge(next(iter(books.values())))

    async def _happen(self, what: str, nodes: dict[str, Node]) -> None:
        verb, _, name = what.partition(" ")
        chosen = list(nodes.values()) if name in {"both", ""} else [nodes[name]]
        if verb == "down":
            together = self._down_for() if name == "both" else None
            for node in chosen:
                if node.is_up:
                    await self._stopped(node, together)
        elif verb == "up":
            for node in chosen:
                if not node.is_up:
                    node.start()
                    lives = timedelta(days=self.dice.expovariate(1 / 4.0))
                    self._at(self.now[0] + lives, f"down {node.name}")
        await self._tick(nodes)

    async def _stopped(self, node: Node, down_for: timedelta | None = None) -> None:
        await node.stop()
        self._at(self.now[0] + (down_for or self._down_for()), f"up {node.name}")
        for seconds in (0, 15):
            self._at(self.now[0] + LEASE + timedelta(seconds=35 + seconds), "tick")

    async def _tick(self, nodes: dict[str, Node]) -> None:
        living = [n for n in nodes.values() if n.is_up]
        crash_after = {
            n.name: self.dice.randrange(60)
            if self.dice.random() < self._crash
            else None
            for n in living
        }
        async with asyncio.TaskGroup() as group:
            for node in living:
                work = node.tick(crash_after=crash_after[node.name])
                group.create_task(work, name=f"tick-{node.name}")
        for node in living:
            if not node.is_up:
                self._at(self.now[0] + self._down_for(), f"up {node.name}")
                for seconds in (0, 15):
                    wait = LEASE + timedelta(seconds=35 + seconds)
                    self._at(self.now[0] + wait, "tick")
            elif node.ticker is not None and node.ticker.next_utc is not None:
                # The ticker looks each second; here, in the second after.
                due = node.ticker.next_utc + timedelta(seconds=0.5)
                if due > self.now[0] and not any(
                    e[0] == due and e[2] == "tick" for e in self._events[:40]
                ):
                    self._at(due, "tick")

    # -- the reckoning

    def _up_within(self, begin: datetime, end: datetime) -> bool:
        """Whether a node lived there long enough to look."""
        return any(
            min(u, end) - max(s, begin) >= timedelta(seconds=1.0)
            for _, s, u in self.ledger.up
        )

    def _troubled(self, begin: datetime, end: datetime) -> bool:
        """Whether a node died there, so that its work may have been taken over."""
        return any(begin <= u <= end for _, _, u in self.ledger.up)

    async def _judge(self, book: ScheduleStore) -> Counter[str]:
        count: Counter[str] = Counter()
        launched = Counter((s, due) for s, due, _ in self.ledger.launches)
        count["doubled"] = sum(n > 1 for n in launched.values())
        at = {(s, due): when for s, due, when in self.ledger.launches}
        should: set[tuple[str, datetime]] = set()
        for one in self.patterns:
            id_ = one.schedule.id
            book_of = {o.due_utc: o for o in await book.recent(id_, limit=2000)}
            first = self.START.date() - timedelta(days=2)
            for due in one.due(first, self.end.date() + timedelta(days=1)):
                if not self.START + timedelta(seconds=2) < due < self.end:
                    continue
                should.add((id_, due))
                verdict = self._verdict(one.schedule, due, book_of.get(due), at)
                count[verdict] += 1
        count["due"] = len(should)
        count["not due but launched"] = sum(
            key not in should
            for key in launched
            if self.START + timedelta(seconds=2) < key[1] < self.end
        )
        count["crashes"] = self.ledger.crashes
        count["processes"] = self.ledger.starts
        return count

    def _verdict(
        self,
        s: Schedule,
        due: datetime,
        kept: Occurrence | None,
        at: dict[tuple[str, datetime], datetime],
    ) -> str:
        if kept is None:
            return "missed: not in the book"
        when = at.get((s.id, due))
        if when is not None:
            return self._launched(s, due, when, kept)
        window_s = {
            MissedPolicy.SKIP: GRACE_S,
            MissedPolicy.RUN_LATE: max(GRACE_S, s.late_s),
            MissedPolicy.ASK: GRACE_S,
        }[s.missed]
        end = due + timedelta(seconds=window_s)
        begin = due + timedelta(seconds=1)
        excused = not self._up_within(begin, end) or self._troubled(
            due, end + TAKES_OVER
        )
        if kept.state is OccurrenceState.ASKING:
            asked = s.missed is MissedPolicy.ASK
            doubt = "launching" in (kept.outcome or "")
            if doubt and self._troubled(due, due + TAKES_OVER):
                return "asked: not known whether it was launched"
            return "asked" if asked and excused else "missed: asked without need"
        if kept.state is OccurrenceState.SKIPPED and excused:
            return "skipped by the policy"
        return f"missed: {kept.state}, {kept.outcome}"

    def _launched(
        self, s: Schedule, due: datetime, when: datetime, kept: Occurrence
    ) -> str:
        late_s = (when - due).total_seconds()
        if kept.state is not OccurrenceState.DONE:
            return f"launched, but the book says {kept.state}"
        if late_s <= GRACE_S + 1.0:
            return "launched in time"
        if s.missed is MissedPolicy.RUN_LATE and late_s <= s.late_s + 1.0:
            return "launched late, within the policy"
        return "launched too late"
