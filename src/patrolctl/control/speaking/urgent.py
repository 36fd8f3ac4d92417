"""An urgent announcement: said now, wherever the chosen vehicles are.

It cuts what a run says there, and the run goes on afterwards; vehicles move or
hold as they did. The gate's quiet hours and level cap hold here too, and the
authority is in the audit log before the first word. Households that have had
more than their share of the day with it are told of, and it is said.
"""

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from patrolctl.clock import Clock
from patrolctl.control.announcing.announce import Patience, Voice, announce
from patrolctl.control.announcing.library import Library
from patrolctl.control.gate import Gate
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.speaking.exposed import Saying, Spoken
from patrolctl.control.speaking.place import insist_here
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.errors import (
    Conflict,
    GateRefused,
    InputError,
    PatrolError,
    StoreFailed,
)
from patrolctl.domain.exposure import ExposureSource
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.sound import Clip, Cue, CutBy, Playback, Priority
from patrolctl.domain.violation import Violation
from patrolctl.ports import Store

log = logging.getLogger(__name__)

REMEMBERED = 200
SILENCED = "silenced"


@dataclass(frozen=True, slots=True)
class UrgentOrder:
    """What to say, who says so, and where.

    Exactly one of ``announcement_id`` and ``clip_sha256``. ``vehicles`` None:
    all. ``key``: the same order asked for again under it is done once.
    """

    actor: str
    authority: str
    announcement_id: str | None = None
    clip_sha256: str | None = None
    vehicles: tuple[str, ...] | None = None
    repeats: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class UrgentResult:
    """Each vehicle's result, "ok" (it was told) or the reason.

    ``advice`` tells of households that have had too much with it.
    """

    id: str
    vehicles: dict[VehicleId, str]
    advice: tuple[str, ...] = ()


class Urgent:
    """Says urgent announcements and follows each to its end.

    Args:
        fleet: whose loudspeakers.
        library: announcements, clips and missions.
        gate: quiet hours and level cap.
        store: the audit log.
        clock: time.
        spoken: enters it into the ledger of exposure.
    """

    def __init__(
        self,
        fleet: Fleet,
        library: Library,
        *,
        gate: Gate,
        store: Store,
        clock: Clock,
        spoken: Spoken,
    ) -> None:
        self._fleet = fleet
        self._library = library
        self._gate = gate
        self._store = store
        self._clock = clock
        self._spoken = spoken
        self._host = TaskHost()
        self._turn = asyncio.Lock()
        self._done: OrderedDict[str, UrgentResult] = OrderedDict()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Urgent"]:
        """Follow announcements for as long as the context lasts."""
        async with self._host.open():
            yield self

    async def announce(self, order: UrgentOrder) -> UrgentResult:
        """Say it at once; returns when all were told, not when it was heard.

        Raises:
            InputError, NotFound: the order names nothing sayable.
            GateRefused: no vehicle may say it where it is now.
            Conflict: no vehicle can.
            StoreFailed: the authority is not in the audit log.
        """
        async with self._turn:  # an order asked for twice at once is one order
            known = None if order.key is None else self._done.get(order.key)
            if known is not None:
                return known
            result, sayings = await self._announce(order)
        # It sounds already; no order after this one waits for the ledger.
        found = await self._spoken.expect(sayings)
        result = replace(result, advice=tuple(v.reason for v in found))
        self._keep(result)
        return result

    async def _announce(self, order: UrgentOrder) -> tuple[UrgentResult, list[Saying]]:
        clip, repeats = await self._sound(order)
        members = self._members(order)
        problems = await self._judge(members)
        told = [m for m in members if m.entry.id not in problems]
        order_id = order.key or uuid.uuid4().hex[:12]
        await self._store.audit(
            order.actor,
            "announce urgent",
            f"{order_id}: {order.announcement_id or 'clip'} {clip.sha256[:12]}"
            f" x{repeats}, authority {order.authority},"
            f" on {', '.join(m.entry.id for m in told)}",
        )
        self._host.check_open()
        sayings = [self._saying(m, clip, repeats, order_id) for m in told]
        for saying in sayings:
            name = f"urgent-{saying.member.entry.id}"
            self._host.start(self._say(saying, clip, repeats), name)
        result = UrgentResult(
            order_id, {m.entry.id: problems.get(m.entry.id, "ok") for m in members}
        )
        self._keep(result)
        return result, sayings

    def _saying(
        self, member: Member, clip: Clip, repeats: int, order_id: str
    ) -> Saying:
        return Saying(
            id=f"urgent-{order_id}-{member.entry.id}",
            order=f"urgent-{order_id}",
            source=ExposureSource.URGENT,
            member=member,
            begin_utc=self._clock.utc(),
            length_s=clip.duration_s * repeats,
            times=repeats,
            spectrum_db=clip.spectrum_db,
        )

    def _keep(self, result: UrgentResult) -> None:
        self._done[result.id] = result
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)

    async def _sound(self, order: UrgentOrder) -> tuple[Clip, int]:
        if (order.announcement_id is None) == (order.clip_sha256 is None):
            right = "exactly one of announcement_id and clip_sha256"
            raise InputError.one("order", "does not name one sound", right)
        if order.clip_sha256 is not None:
            return self._library.clip(order.clip_sha256), order.repeats or 1
        announcement = self._library.announcement(order.announcement_id or "")
        clip = await self._library.clip_of(announcement)
        return clip, order.repeats or announcement.repeats

    def _members(self, order: UrgentOrder) -> list[Member]:
        if order.vehicles is None:
            return list(self._fleet.members)
        return [self._fleet.member(VehicleId(v)) for v in dict.fromkeys(order.vehicles)]

    async def _judge(self, members: list[Member]) -> dict[VehicleId, str]:
        """The vehicles that may not or cannot, with the reason.

        Raises:
            GateRefused, Conflict: that is all of them.
        """
        problems: dict[VehicleId, str] = {}
        violations: list[Violation] = []
        for member in members:
            try:
                await insist_here(member, self._library, self._gate)
            except GateRefused as e:
                found = [v for v in e.violations if isinstance(v, Violation)]
                violations += found
                problems[member.entry.id] = "; ".join(
                    f"{v.rule}: {v.reason}" for v in found
                )
            except PatrolError as e:
                problems[member.entry.id] = str(e)
        if len(problems) == len(members):
            if violations:
                raise GateRefused(tuple(dict.fromkeys(violations)))
            reasons = "; ".join(f"{v}: {why}" for v, why in problems.items())
            raise Conflict(reasons or "there are no vehicles")
        return problems

    async def _say(self, saying: Saying, clip: Clip, repeats: int) -> None:
        """See one vehicle's announcement through; the outcome is in the books."""
        member, key = saying.member, saying.id
        cue = Cue("urgent", 0, clip.sha256, repeats, clip.duration_s)
        try:
            async with self._spoken.following(saying):
                outcome = await self._said(member, clip, cue, key)
            await self._note(member, key, outcome)
            self._judge_length(saying, outcome, clip.duration_s)
            await self._spoken.ended(saying)
        except Exception:
            # One loudspeaker's defect must not end the service.
            log.exception("urgent announcement %s", key)

    async def _said(
        self, member: Member, clip: Clip, cue: Cue, key: str
    ) -> Playback | str:
        with member.floor.take(CutBy.URGENT) as hold:
            async with asyncio.TaskGroup() as group:
                play = self._play(member, clip, cue, key)
                saying = group.create_task(play, name=key)
                watch = group.create_task(hold.silenced.wait(), name=f"{key}-hush")
                await asyncio.wait({saying, watch}, return_when=asyncio.FIRST_COMPLETED)
                # Silenced: it must not be asked for a second time.
                saying.cancel()
                watch.cancel()
        return SILENCED if saying.cancelled() else saying.result()

    def _judge_length(
        self, saying: Saying, outcome: Playback | str, once_s: float
    ) -> None:
        """How long it sounded; what nobody knows counts as whole."""
        if isinstance(outcome, Playback):
            saying.reported(outcome, once_s)
        elif outcome == SILENCED:
            lasted_s = (self._clock.utc() - saying.begin_utc).total_seconds()
            times = max(1, round(lasted_s / max(once_s, 0.1)))
            saying.was(min(lasted_s, saying.length_s), min(times, saying.times))

    async def _play(
        self, member: Member, clip: Clip, cue: Cue, key: str
    ) -> Playback | str:
        if member.speaker is None:
            return "the vehicle has no loudspeaker"
        voice = Voice(member.speaker, member.playbacks, Priority.URGENT)
        try:
            await member.speaker.prepare(clip)
        except PatrolError as e:
            return str(e)
        return await announce(
            voice, cue, key=key, clock=self._clock, patience=Patience()
        )

    async def _note(self, member: Member, key: str, outcome: Playback | str) -> None:
        said = outcome if isinstance(outcome, str) else str(outcome.status)
        if isinstance(outcome, Playback) and outcome.reason:
            said += f" ({outcome.reason})"
        log.info("urgent %s: %s", key, said, extra={"vehicle": member.entry.id})
        try:
            await self._store.audit("service", "announced urgent", f"{key}: {said}")
        except StoreFailed as e:
            log.warning("not in the audit log: %s: %s: %s", key, said, e)
