"""One link to one vehicle: reconnects, pins, verifies, beats, carries exchanges.

Everything that comes in is handled in the callback that received it; the
tasks here only keep time. ``Link`` knows messages, not missions.
"""

import asyncio
import logging
import os
import random
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from patrolctl.clock import PacedClock, SystemClock
from patrolctl.domain.errors import LinkFailed
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink.autopilots.base import Autopilot
from patrolctl.mavlink.endpoints import parse_endpoint
from patrolctl.mavlink.exchange import Exchange, Target
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.framing import FLAG_SIGNED, Frame, encode, with_flags
from patrolctl.mavlink.identity import Finding, Identity
from patrolctl.mavlink.messages import (
    SPEC_OF,
    AutopilotVersion,
    GlobalPositionInt,
    Heartbeat,
    Message,
    SystemTime,
    decode,
)
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.pace import PaceEstimator
from patrolctl.mavlink.peers import Peers, is_autopilot
from patrolctl.mavlink.signing import Signer
from patrolctl.mavlink.tlog import TlogWriter
from patrolctl.mavlink.transport import Channel, Door, Peer

log = logging.getLogger(__name__)
E = TypeVar("E", bound=Exchange)

MAV_TYPE_GCS, MAV_AUTOPILOT_INVALID, MAV_STATE_ACTIVE = 6, 8, 4
AUTOPILOT_COMPONENT = 1
BACKOFF_S = (0.2, 5.0)
TICK_S = 0.02  # real seconds: the protocols' shortest timeout is 0.25 s
QUALITY_FRAMES = 200
SECOND_FORGOTTEN_S = 30.0
TLOG_FLUSH_S = 2.0
PACE_CHANGE = 0.1
# Under simulation speed-up a loaded machine stalls for many simulated seconds:
# silence must also have lasted this long in real ones.
SILENT_REAL_S = 2.0


class Link:
    """The link of one registry entry.

    Args:
        entry: whom to expect where.
        options: timing and places.
        pilot: what kind of autopilot to expect.
        signer: None accepts unsigned frames.
        on_message: called with every genuine message of the vehicle.
        on_fact: called with facts about the link itself.
    """

    def __init__(
        self,
        entry: FleetVehicle,
        options: LinkOptions,
        *,
        pilot: Autopilot,
        signer: Signer | None,
        on_message: Callable[[Message], None],
        on_fact: Callable[[Fact], None],
    ) -> None:
        self.entry = entry
        self.options = options
        self.clock = options.clock
        self.endpoint = parse_endpoint(entry.endpoint or "")
        self.target = Target(
            (entry.sysid, AUTOPILOT_COMPONENT), (options.gcs_sysid, options.gcs_compid)
        )
        self.identity = Identity(entry.uid, pilot)
        self.state = LinkState.CONNECTING
        self.fault: str | None = None
        self._signer = signer
        self._on_message = on_message
        self._on_fact = on_fact
        self._pace = PaceEstimator()
        self._channel: Channel | None = None
        self._peers = self._new_peers()
        self._seq = 0
        self._heard_s: float | None = None
        self._real = SystemClock()
        self._heard_real_s = 0.0
        self._first_heard_s: float | None = None
        self._second_s: float | None = None
        self._second_text = ""
        self._open: list[tuple[Exchange, asyncio.Event]] = []
        self._lost: deque[int] = deque(maxlen=QUALITY_FRAMES)
        self._vehicle_seq: int | None = None
        self._heard = 0
        self._told_conflict: str | None = None
        self._tlog = self._open_tlog()

    # -- questions ---------------------------------------------------------

    @property
    def quality(self) -> float | None:
        """Share of the vehicle's latest frames that arrived, 0 to 1."""
        if not self._lost:
            return None
        return len(self._lost) / (len(self._lost) + sum(self._lost))

    @property
    def impostor(self) -> str | None:
        """Why nothing may be started with it, None when it is itself alone."""
        if self.identity.conflict is not None:
            return self.identity.conflict
        if self._second_s is None:
            return None
        age_s = self.clock.monotonic_s() - self._second_s
        return self._second_text if age_s < SECOND_FORGOTTEN_S else None

    @property
    def log_fault(self) -> str | None:
        """Why the flight log stopped, if it did."""
        return self._tlog.fault if self._tlog is not None else None

    @property
    def observed(self) -> bool:
        """Whether it was watched long enough to notice a second one."""
        if self._first_heard_s is None:
            return False
        return self.clock.monotonic_s() - self._first_heard_s >= self.options.observe_s

    @property
    def _may_send(self) -> bool:
        # Two on one stream cannot be told apart, so both would obey; a wrong
        # airframe is not ours to command. A second one at another address is
        # sent nothing anyway, and must not cost us the command of ours.
        return self.identity.conflict is None

    # -- sending -----------------------------------------------------------

    def send(self, message: Message) -> bool:
        """Send to the pinned vehicle alone; False when there is none."""
        if not self._may_send:
            return False
        return self._transmit(message)

    def _transmit(self, message: Message) -> bool:
        channel, peer = self._channel, self._peers.pinned
        if channel is None or channel.ended.is_set():
            return False
        if peer is None:
            if channel.listens:
                return False  # nobody yet
            peer = ("", 0)
        us = self.target.us
        frame = encode(message, seq=self._seq, sysid=us[0], compid=us[1])
        self._seq = (self._seq + 1) & 0xFF
        if self._signer is not None:
            crc_extra = SPEC_OF[type(message)].crc_extra
            frame = self._signer.sign(with_flags(frame, FLAG_SIGNED, crc_extra))
        channel.send(frame, peer)
        self._log(frame)
        return True

    async def run(self, exchange: E) -> E:
        """Carry an exchange to its end.

        Raises:
            LinkFailed: the link was lost meanwhile, or there is none.
        """
        if self.state not in (LinkState.LIVE, LinkState.STALE):
            raise LinkFailed(self.entry.id, self._no_link())
        ended = asyncio.Event()
        entry = (exchange, ended)
        self._open.append(entry)
        try:
            self._send_all(exchange.start(self.clock.monotonic_s()))
            while not (exchange.done or ended.is_set()):
                await ended.wait()
        finally:
            self._open.remove(entry)
        if exchange.done:
            return exchange
        raise LinkFailed(self.entry.id, "the link was lost")

    def _send_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.send(message)

    def _no_link(self) -> str:
        where = self.entry.endpoint
        if self.fault:
            return f"no link over {where}: {self.fault}"
        return f"no link over {where} ({self.state})"

    # -- receiving ---------------------------------------------------------

    def _on_bytes(self, chunk: bytes, peer: Peer) -> None:
        for frame in self._peers.feed(chunk, peer):
            self._on_frame(frame, peer)

    def _on_frame(self, frame: Frame, peer: Peer) -> None:
        if frame.sysid != self.entry.sysid:
            self._on_other(frame)
            return
        pinned = self._peers.pinned
        if pinned is not None and peer != pinned:
            self._on_stranger(frame, peer)
            return
        if self._refused(frame):
            return
        if pinned is None:
            if not self._peers.is_vehicle(frame):
                return
            self._peers.pin(peer)
        self._log(frame.raw)
        if frame.compid == AUTOPILOT_COMPONENT:
            self._count(frame)
            message = decode(frame.msg_id, frame.payload)
            if message is not None:
                self._on_genuine(message, frame.seq)

    def _on_other(self, frame: Frame) -> None:
        """Not ours; while ours is not heard, whoever waits for it wants to know."""
        if self.state is not LinkState.CONNECTING or not is_autopilot(frame):
            return
        told = f"system id {frame.sysid} is heard there, not {self.entry.sysid}"
        if self.fault != told:
            self.fault = told
            log.warning(told, extra={"vehicle": self.entry.id})

    def _refused(self, frame: Frame) -> bool:
        return self._signer is not None and self._signer.refusal(frame) is not None

    def _on_stranger(self, frame: Frame, peer: Peer) -> None:
        if not self._peers.is_vehicle(frame):
            return
        if self._refused(frame):
            return
        if self._peers.is_second(peer):
            self._second(f"a second vehicle with system id {frame.sysid} at {peer[0]}")

    def _on_genuine(self, message: Message, frame_seq: int) -> None:
        now_s = self.clock.monotonic_s()
        if isinstance(message, Heartbeat):
            if message.autopilot == MAV_AUTOPILOT_INVALID:
                return
            self._heard_s = now_s
            self._heard_real_s = self._real.monotonic_s()
            self._first_heard_s = self._first_heard_s or now_s
            self.identity.on_heartbeat(message)
            self._peers.heard()
            self._set_state(LinkState.LIVE)
        elif isinstance(message, SystemTime | GlobalPositionInt):
            self._on_boot_time(message.time_boot_ms, frame_seq, now_s)
        elif isinstance(message, AutopilotVersion):
            self.identity.on_version(message, now_s)
        self._tell_conflict()
        for exchange, ended in tuple(self._open):
            self._send_all(exchange.on_message(message, now_s))
            if exchange.done:
                ended.set()
        self._on_message(message)

    def _tell_conflict(self) -> None:
        conflict = self.identity.conflict
        if conflict is not None and conflict != self._told_conflict:
            self._on_fact(Fact(EventKind.IMPOSTOR, conflict, severity=1))
        self._told_conflict = conflict

    def _on_boot_time(self, boot_ms: int, frame_seq: int, now_s: float) -> None:
        finding = self.identity.on_stamp(boot_ms, frame_seq, self._heard, now_s)
        if finding is Finding.REBOOT:
            text = "the autopilot rebooted"
            self._on_fact(Fact(EventKind.REBOOTED, text, severity=3))
        pace = self._pace.push(self._real.monotonic_s(), boot_ms)
        clock = self.clock
        if pace is None or not isinstance(clock, PacedClock):
            return
        if abs(pace - clock.speedup) > PACE_CHANGE * clock.speedup:
            clock.speedup = pace

    def _second(self, text: str) -> None:
        news = self.impostor is None
        self._second_s, self._second_text = self.clock.monotonic_s(), text
        if news:
            self._on_fact(Fact(EventKind.IMPOSTOR, text, severity=1))

    def _count(self, frame: Frame) -> None:
        self._heard += 1
        if self._vehicle_seq is not None:
            gap = (frame.seq - self._vehicle_seq - 1) & 0xFF
            self._lost.append(gap if gap < 128 else 0)
        self._vehicle_seq = frame.seq

    # -- time --------------------------------------------------------------

    async def keep_open(self) -> None:
        """Open the endpoint, and open it again whenever it ends."""
        tries, door = 0, Door(self.endpoint)
        while True:
            try:
                self._peers = self._new_peers()
                self.identity.new_stream()
                self._channel = await door.open(self._on_bytes)
            except OSError as e:
                # asyncio words its own errors; the system's are for people.
                self.fault = os.strerror(e.errno) if e.errno else str(e)
            else:
                opened_s = self.clock.monotonic_s()
                await self._channel.ended.wait()
                self._channel.close()
                self.fault = self._channel.end
                self._ended()
                if self.clock.monotonic_s() - opened_s > BACKOFF_S[1]:
                    tries = 0
            low_s, high_s = BACKOFF_S
            most_s = min(high_s, low_s * 2 ** min(tries, 8))
            tries += 1
            await self.clock.sleep(most_s * random.uniform(0.5, 1.0))

    async def keep_time(self) -> None:
        """Timeouts of exchanges and of the link itself."""
        flushed_s = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self.clock.monotonic_s()
            for exchange, ended in tuple(self._open):
                if now_s >= exchange.deadline_s:
                    self._send_all(exchange.on_time(now_s))
                if exchange.done:
                    ended.set()
            self._age(now_s)
            if self._tlog is not None and now_s - flushed_s > TLOG_FLUSH_S:
                self._tlog.flush()
                flushed_s = now_s

    async def keep_beating(self) -> None:
        """Our heartbeat, while whoever watches us says that we are healthy."""
        beat = Heartbeat(0, MAV_TYPE_GCS, MAV_AUTOPILOT_INVALID, 0, MAV_STATE_ACTIVE, 3)
        while True:
            pulse = self.options.pulse
            if pulse is None or pulse.healthy:
                self.send(beat)
            await self.clock.sleep(self.options.heartbeat_s)

    def close(self) -> None:
        """Close the stream and the log."""
        if self._channel is not None:
            self._channel.close()
        if self._tlog is not None:
            self._tlog.close()
        if self._signer is not None:
            self._signer.close()

    def _age(self, now_s: float) -> None:
        if self._heard_s is None or self.state is LinkState.CONNECTING:
            return
        if self._real.monotonic_s() - self._heard_real_s < SILENT_REAL_S:
            return
        age_s = now_s - self._heard_s
        if age_s >= self.options.lost_s:
            if self.state is not LinkState.LOST:
                self._lose("nothing heard")
        elif age_s >= self.options.stale_s and self.state is LinkState.LIVE:
            self._set_state(LinkState.STALE)

    def _ended(self) -> None:
        if self.state not in (LinkState.CONNECTING, LinkState.LOST):
            self._lose("the stream ended")

    def _lose(self, why: str) -> None:
        self.fault = why
        self.identity.ask_again()
        self._peers.unpin()
        self._vehicle_seq = None
        self._first_heard_s = None
        self._set_state(LinkState.LOST)
        for _, ended in tuple(self._open):
            ended.set()

    def _set_state(self, state: LinkState) -> None:
        if state is self.state:
            return
        self.state = state
        text = state.value
        if state is LinkState.LOST and self.fault:
            text = f"{text}: {self.fault}"
        if state is LinkState.LIVE:
            self.fault = None
        severity = 6 if state is LinkState.LIVE else 4
        self._on_fact(Fact(EventKind.LINK, text, severity=severity))

    # -- places ------------------------------------------------------------

    def _new_peers(self) -> Peers:
        return Peers(self.entry.sysid, datagrams=self.endpoint.datagrams)

    def _open_tlog(self) -> TlogWriter | None:
        if self.options.tlog_dir is None:
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        return TlogWriter(self.options.tlog_dir / f"{self.entry.id}-{stamp}.tlog")

    def _log(self, raw: bytes) -> None:
        if self._tlog is not None:
            self._tlog.write(raw, datetime.now(UTC))
