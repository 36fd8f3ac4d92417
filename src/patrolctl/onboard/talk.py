"""Live talk on the vehicle: frames in, sound out, and an end in any case.

A talk ends when the service says so, when it is silenced, when no frame came
for a second (a socket, a link or a service that is gone) or when it is too
long. Whatever ends it, the loudspeaker is free for what waits.
"""

import asyncio
import logging
from collections import deque
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.sound import (
    CutBy,
    Playback,
    PlaybackStatus,
)
from patrolctl.mqtt.payloads import CommandPayload, new_id
from patrolctl.mqtt.talk import talk_key, unpack
from patrolctl.onboard.agent import Agent
from patrolctl.onboard.opus import RATE_HZ, OpusBroken, OpusDecoder, OpusMissing
from patrolctl.onboard.player import Player
from patrolctl.onboard.reports import Reporter
from patrolctl.onboard.sinks import Sink, SinkFailed

log = logging.getLogger(__name__)

SILENT_S = 1.0
LONGEST_S = 300.0
# Sound that the device has and has not played yet: beyond it frames are
# dropped, or a stall of the link would be heard as a delay for ever after.
AHEAD_S = 0.3
MOST_QUEUED = 64
REMEMBERED = 256
MOST_CONCEALED = 5
FREED_S = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a talk ended; ``reason`` None: the talker let go."""

    reason: str | None = None
    cut_by: CutBy | None = None


@dataclass(frozen=True, slots=True)
class TalkParts:
    """What live talk needs; built by ``onboard.main``."""

    speaker_id: SpeakerId
    vehicle_id: VehicleId
    agent: Agent
    player: Player
    reporter: Reporter
    clock: Clock
    sink: Sink


class Talks:
    """One talk at a time over one loudspeaker."""

    def __init__(self, parts: TalkParts) -> None:
        self._by = parts
        self._asked: asyncio.Queue[str] = asyncio.Queue()
        self._over: deque[str] = deque(maxlen=REMEMBERED)
        self._now: str | None = None
        self._ending: Ending | None = None
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=MOST_QUEUED)
        self._news = asyncio.Event()

    # orders, in the event loop --------------------------------------------

    def command(self, order: CommandPayload) -> bool:
        """``talk_begin`` and ``talk_end``; False: it is none of them."""
        if order.action == "talk_end" and order.talk_id:
            self._end(order.talk_id, Ending())
        elif order.action == "talk_begin" and order.talk_id and order.expires_utc:
            self._begin(order.talk_id, order.expires_utc)
        else:
            return False
        return True

    def _begin(self, talk_id: str, expires_utc: datetime) -> None:
        if talk_id == self._now or talk_id in self._over:
            return
        if expires_utc <= self._by.clock.utc():
            self._refuse(talk_id, "expired")
        elif self._now is not None:
            self._refuse(talk_id, "somebody talks already")
        else:
            self._now, self._ending = talk_id, None
            self._frames.clear()
            self._by.agent.give_floor()
            self._asked.put_nowait(talk_id)

    def _end(self, talk_id: str, ending: Ending) -> None:
        self._over.append(talk_id)
        if talk_id == self._now and self._ending is None:
            self._ending = ending
            self._news.set()

    def silence(self) -> None:
        """Silent at once."""
        if self._now is not None:
            self._end(self._now, Ending("silenced", CutBy.SILENCE))

    def frame(self, payload: bytes) -> None:
        """A frame; what belongs to no open talk changes nothing."""
        frame = unpack(payload)
        if frame is not None and frame.talk_id == self._now:
            self._frames.append((frame.seq, frame.packet))
            self._news.set()

    # talking ----------------------------------------------------------------

    async def run(self) -> None:
        """Sound each talk that begins, for ever."""
        while True:
            talk_id = await self._asked.get()
            try:
                await self._talk(talk_id)
            finally:
                self._over.append(talk_id)
                self._now = None
                self._by.agent.take_floor()

    async def _talk(self, talk_id: str) -> None:
        await self._until_free()
        sink = self._by.sink
        try:
            decoder = OpusDecoder(self._by.player.volume_ratio)
        except OpusMissing as e:
            self._refuse(talk_id, str(e))
            return
        with closing(decoder):
            try:
                await sink.open(RATE_HZ, 1)
            except SinkFailed as e:
                self._refuse(talk_id, str(e))
                return
            started = self._report(talk_id, PlaybackStatus.STARTED)
            self._by.reporter.playback(started, None)
            try:
                ending = await self._sound(sink, decoder)
            except SinkFailed as e:
                ending = Ending(str(e))
            except asyncio.CancelledError:
                await sink.abort()
                self._finish(started, Ending("agent stopped"))
                raise
            await self._close(sink, ending)
            self._finish(started, ending)

    async def _until_free(self) -> None:
        """The clip that was cut lets go of the device."""
        clock = self._by.clock
        end_s = clock.monotonic_s() + FREED_S
        while (  # noqa: ASYNC110 - some milliseconds, of another task's cleaning up
            self._by.player.playing and clock.monotonic_s() < end_s
        ):
            await asyncio.sleep(0.005)

    async def _close(self, sink: Sink, ending: Ending) -> None:
        """Let the last words sound, unless it is to be silent now."""
        try:
            await (sink.abort() if ending.reason else sink.close())
        except SinkFailed as e:
            log.warning("the end of a talk: %s", e)

    async def _sound(self, sink: Sink, decoder: OpusDecoder) -> Ending:
        clock = self._by.clock
        begin_s = clock.monotonic_s()
        pace, after = _Pace(begin_s), 0
        while (ending := await self._more(begin_s)) is None:
            seq, packet = self._frames.popleft()
            if seq <= after:
                continue
            samples = _decoded(decoder, packet, seq - after - 1 if after else 0)
            after = seq
            frame_s = len(samples) / 2 / RATE_HZ
            if samples and pace.takes(frame_s, clock.monotonic_s()):
                await sink.write(samples)
        return ending

    async def _more(self, begin_s: float) -> Ending | None:
        """Wait for a frame; how the talk ended when there is none to come."""
        clock = self._by.clock
        while True:
            if self._ending is not None and (self._ending.reason or not self._frames):
                return self._ending
            if clock.monotonic_s() - begin_s > LONGEST_S:
                return Ending(f"a talk lasts {LONGEST_S:.0f} s at most")
            if self._frames:
                return None
            self._news.clear()
            try:
                async with clock.timeout(SILENT_S):
                    await self._news.wait()
            except TimeoutError:
                return Ending("nothing was heard from the talker for 1 s")

    # reports ----------------------------------------------------------------

    def _report(self, talk_id: str, status: PlaybackStatus) -> Playback:
        return Playback(
            id=new_id(),
            speaker_id=self._by.speaker_id,
            key=talk_key(talk_id),
            clip_sha256="",
            status=status,
            start_utc=self._by.clock.utc(),
            vehicle_id=self._by.vehicle_id,
        )

    def _refuse(self, talk_id: str, why: str) -> None:
        report = self._report(talk_id, PlaybackStatus.REFUSED)
        self._by.reporter.playback(replace(report, reason=why), None)
        log.warning("talk %s refused: %s", talk_id, why)

    def _finish(self, started: Playback, ending: Ending) -> None:
        whole = ending.reason is None
        report = replace(
            started,
            id=new_id(),
            status=PlaybackStatus.COMPLETED if whole else PlaybackStatus.CUT,
            end_utc=self._by.clock.utc(),
            complete=whole,
            reason=ending.reason,
            cut_by=ending.cut_by,
        )
        self._by.reporter.playback(report, None)
        log.info("%s ended (%s)", report.key, ending.reason or "let go")


class _Pace:
    """How much sound the device has that it has not played yet."""

    def __init__(self, now_s: float) -> None:
        self._ahead_s = 0.0
        self._at_s = now_s

    def takes(self, frame_s: float, now_s: float) -> bool:
        """Whether another frame may be written; counts it."""
        self._ahead_s = max(0.0, self._ahead_s - (now_s - self._at_s))
        self._at_s = now_s
        if self._ahead_s + frame_s > AHEAD_S:
            return False
        self._ahead_s += frame_s
        return True


def _decoded(decoder: OpusDecoder, packet: bytes, lost: int) -> bytes:
    """A packet's samples, with a few lost ones before it concealed."""
    try:
        samples = decoder.decode(packet)
        if 0 < lost <= MOST_CONCEALED:
            return decoder.decode(None, len(samples) // 2) * lost + samples
    except OpusBroken:
        return b""
    return samples
