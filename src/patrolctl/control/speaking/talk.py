"""Live talk: one person, one vehicle's loudspeaker, all of it on record.

The gate, the floor and the audit log come first, then the loudspeaker is asked
and answers; only then is anything heard. A talk ends when the talker lets go,
is not heard for a second, is silenced, talks for too long, or the loudspeaker
ends it; whatever ends it, what was said is kept with its hash.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from patrolctl.clock import Clock, SystemClock
from patrolctl.clock.beside import running_beside
from patrolctl.control.announcing.library import Library
from patrolctl.control.gate import Gate
from patrolctl.control.live.broadcast import Listener
from patrolctl.control.speaking.exposed import Saying, Spoken
from patrolctl.control.speaking.place import insist_here
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.control.vehicles.floor import Hold
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.errors import Conflict, InputError, PatrolError, StoreFailed
from patrolctl.domain.exposure import ExposureSource
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.opus import RATE_HZ, is_stereo, packet_samples
from patrolctl.domain.sound import CutBy, Playback, PlaybackStatus
from patrolctl.ports import Store, Tape, TapeEnd, Tapes
from patrolctl.ports.sound import TalkingSpeaker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TalkLimits:
    """Real seconds and bytes: a talk is live whatever the vehicles' time does.

    ``packet_bytes`` is the largest Opus packet of one frame (RFC 6716, 3.4);
    ``ahead_s`` how much more sound may come than time has passed.
    """

    longest_s: float = 120.0
    silent_s: float = 1.0
    answer_s: float = 3.0
    packet_bytes: int = 1275
    packet_s: float = 0.06
    ahead_s: float = 2.0


@dataclass(frozen=True, slots=True)
class TalkOrder:
    """Who talks over which vehicle, on whose authority."""

    actor: str
    authority: str
    vehicle_id: str


class Talk:
    """A talk under way; made by :meth:`Talks.talk`."""

    def __init__(
        self, talk_id: str, speaker: TalkingSpeaker, tape: Tape, limits: TalkLimits
    ) -> None:
        self.id = talk_id
        self.limits = limits
        self._clock = SystemClock()
        self._speaker = speaker
        self._tape = tape
        self._begin_s = self._heard_s = self._clock.monotonic_s()
        self._said_s = 0.0
        self._over = asyncio.Event()
        self.frames = 0
        self.reason: str | None = None
        self.end: TapeEnd | None = None

    def frame(self, packet: bytes) -> None:
        """One Opus packet from the microphone.

        Raises:
            InputError: it is none, or too much comes at once.
            StoreFailed: it cannot be recorded, so it is not said.
        """
        now_s = self._clock.monotonic_s()
        if len(packet) > self.limits.packet_bytes:
            right = f"at most {self.limits.packet_bytes} bytes"
            raise InputError.one("frame", f"has {len(packet)} bytes", right)
        try:
            length_s = packet_samples(packet) / RATE_HZ
        except ValueError as e:
            raise InputError.one("frame", f"is no Opus packet ({e})") from None
        if length_s > self.limits.packet_s or is_stereo(packet):
            raise InputError.one("frame", "is not mono of at most 60 ms")
        self._said_s += length_s
        if self._said_s > now_s - self._begin_s + self.limits.ahead_s:
            raise InputError.one("frames", "come faster than anybody talks")
        self._heard_s = now_s
        self._tape.add(packet)
        self.frames += 1
        self._speaker.talk_frame(self.id, self.frames, packet)

    def finish(self, reason: str | None = None) -> None:
        """End it; None: the talker let go. The first reason holds."""
        if not self._over.is_set():
            self.reason = reason
            self._over.set()

    async def close(self) -> None:
        """Tell the loudspeaker, and keep what was said."""
        try:
            await self._speaker.talk_end(self.id)
        finally:
            self.end = self._tape.close()

    async def over(self) -> str | None:
        """Wait until it is over; the reason."""
        limits = self.limits
        while not self._over.is_set():
            now_s = self._clock.monotonic_s()
            if now_s - self._begin_s > limits.longest_s:
                self.finish(f"a talk lasts {limits.longest_s:.0f} s at most")
                break
            left_s = self._heard_s + limits.silent_s - now_s
            if left_s <= 0:
                silent = f"nothing was heard for {limits.silent_s:g} s"
                self.finish(silent)
                break
            try:
                async with asyncio.timeout(left_s):
                    await self._over.wait()
            except TimeoutError:
                continue
        return self.reason


class Talks:
    """Opens talks.

    Args:
        fleet: whose loudspeakers.
        library: the missions, for the gate.
        gate: quiet hours and level cap hold for live talk too.
        store: the audit log.
        clock: stamps; how long a talk may last is counted in real seconds.
        tapes: keep what was said.
        spoken: enters it into the ledger of exposure.
        limits: see there.
    """

    def __init__(  # noqa: PLR0913 - the composition root calls it once, by name
        self,
        fleet: Fleet,
        library: Library,
        *,
        gate: Gate,
        store: Store,
        clock: Clock,
        tapes: Tapes,
        spoken: Spoken,
        limits: TalkLimits | None = None,
    ) -> None:
        self._fleet = fleet
        self._library = library
        self._gate = gate
        self._store = store
        self._clock = clock
        self.tapes = tapes
        self._spoken = spoken
        self._limits = limits or TalkLimits()

    @asynccontextmanager
    async def talk(self, order: TalkOrder) -> AsyncIterator[Talk]:
        """Open a talk; it is over at the end of the context.

        Raises:
            NotFound, GateRefused: no such vehicle, or not there and now.
            Conflict: somebody talks already, or the loudspeaker cannot.
            StoreFailed: it cannot be written down, so it is not begun.
        """
        member = self._fleet.member(VehicleId(order.vehicle_id))
        await insist_here(member, self._library, self._gate)
        speaker = cast("TalkingSpeaker", member.speaker)
        with member.floor.take(CutBy.TALK) as hold:
            talk = await self._opened(order, member, speaker)
            saying = self._saying(talk, member)
            try:
                async with _watched(talk, hold, member), self._entered(saying):
                    yield talk
            finally:
                talk.finish()
                await asyncio.shield(self._closed(order, talk, saying))

    def _saying(self, talk: Talk, member: Member) -> Saying:
        """Until it has ended it counts as long as a talk may be."""
        name = f"talk-{talk.id}"
        return Saying(
            id=name,
            order=name,
            source=ExposureSource.TALK,
            member=member,
            begin_utc=self._clock.utc(),
            length_s=self._limits.longest_s,
        )

    @asynccontextmanager
    async def _entered(self, saying: Saying) -> AsyncIterator[None]:
        """Beside the talk: nobody waits for the ledger before he speaks."""

        async def expect() -> None:
            await self._spoken.expect([saying])

        async with (
            running_beside(expect(), f"enter-{saying.id}"),
            self._spoken.following(saying),
        ):
            yield

    async def _opened(
        self, order: TalkOrder, member: Member, speaker: TalkingSpeaker
    ) -> Talk:
        """Write it down, ask the loudspeaker and wait for its answer."""
        talk_id = str(uuid.uuid4())
        what = f"{talk_id} on {member.entry.id}, authority {order.authority}"
        await self._store.audit(order.actor, "talk begins", what)
        tape = self.tapes.begin(f"talk-{talk_id}")
        try:
            await self._answered(member, speaker, talk_id)
        except BaseException:
            tape.discard()
            raise
        return Talk(talk_id, speaker, tape, self._limits)

    async def _answered(
        self, member: Member, speaker: TalkingSpeaker, talk_id: str
    ) -> None:
        limits = self._limits
        expires = self._clock.utc() + timedelta(seconds=limits.answer_s + 2.0)
        with member.playbacks.listen() as reports:
            await speaker.talk_begin(talk_id, expires_utc=expires)
            try:
                async with asyncio.timeout(limits.answer_s):
                    first = await _report_of(reports, talk_id)
            except TimeoutError:
                await speaker.talk_end(talk_id)
                raise Conflict(
                    f"speaker {speaker.id} did not answer in {limits.answer_s:g} s"
                ) from None
        if first.status is not PlaybackStatus.STARTED:
            raise Conflict(f"speaker {speaker.id}: {first.reason or first.status}")

    async def _closed(self, order: TalkOrder, talk: Talk, saying: Saying) -> None:
        try:
            await talk.close()
        except PatrolError as e:
            log.warning("talk %s: %s", talk.id, e)
        await self._note(order, talk, saying.begin_utc)
        saying.was(0.0 if talk.end is None else talk.end.duration_s)
        await self._spoken.ended(saying)

    async def _note(self, order: TalkOrder, talk: Talk, begun: datetime) -> None:
        end = talk.end
        said_s = 0.0 if end is None else end.duration_s
        text = (
            f"{talk.id} on {order.vehicle_id} from {begun.isoformat()}"
            f" to {self._clock.utc().isoformat()}, {said_s:.1f} s said,"
            f" recording {'' if end is None else end.sha256},"
            f" {talk.reason or 'let go'}"
        )
        log.info("talk %s", text)
        try:
            await self._store.audit(order.actor, "talk ended", text)
        except StoreFailed as e:
            log.warning("not in the audit log: talk %s: %s", text, e)


async def _report_of(reports: Listener[Playback], talk_id: str) -> Playback:
    async for report in reports:
        if report.key == f"talk-{talk_id}":
            return report
    raise PatrolError("the speaker's reports ended")


@asynccontextmanager
async def _watched(talk: Talk, hold: Hold, member: Member) -> AsyncIterator[None]:
    """End the talk when it is silenced, or the loudspeaker ended it."""

    async def silenced() -> None:
        await hold.silenced.wait()
        talk.finish("silenced")

    async def ended(reports: Listener[Playback]) -> None:
        report = await _report_of(reports, talk.id)
        while report.status is PlaybackStatus.STARTED:
            report = await _report_of(reports, talk.id)
        talk.finish(report.reason or "the loudspeaker ended it")

    with member.playbacks.listen() as reports:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(silenced(), name="talk-silenced"),
                group.create_task(ended(reports), name="talk-ended"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
