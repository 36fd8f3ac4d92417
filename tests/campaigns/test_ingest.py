"""A million hostile frames through the whole ingest of a vehicle.

Everything that receives is there: parser, peers, signing, identity, the open
protocol machines, the view of the vehicle, its progress in the mission. The
frames are of every kind that an attacker or a broken radio can make: right
CRC and random fields (NaN and infinities among them), wrong lengths, cut,
flipped, MAVLink 1, badly signed, replayed, or no frames at all.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastcrc.crc16 import mcrf4xx

from patrolctl.clock import ManualClock
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.mission import Mission, UploadReceipt
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.cockpit import Approved
from patrolctl.mavlink.command import CommandBook, Order
from patrolctl.mavlink.exchange import Exchange, Target
from patrolctl.mavlink.framing import FLAG_SIGNED, encode, known_messages, with_flags
from patrolctl.mavlink.messages import SPEC_OF, Heartbeat, Message
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.params import ReadParam
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.signing import Signer, SigningState
from patrolctl.mavlink.upload import FetchItems, SendItems
from patrolctl.mavlink.vehicle import MavlinkVehicle

SMALL, LARGE = 20_000, 1_000_000
GENUINE_EVERY = 10
GENUINE = 0x5EA10000  # a custom mode that nobody else makes
LOOK_EVERY = 50
KEY = bytes(range(32))
NASTY = (
    b"\x00\x00\xc0\x7f",  # NaN
    b"\x00\x00\x80\x7f",  # infinity
    b"\x00\x00\x80\xff",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\x00\x00\x00\x00",
)
OLD = (0, 1, 2, 24, 30, 33, 42, 46, 47, 77)  # messages that MAVLink 1 has too
WANTED = tuple(spec.id for spec in SPEC_OF.values())


def seal(body: bytes, crc_extra: int) -> bytes:
    """A frame with the CRC that it ought to have."""
    crc = mcrf4xx(bytes((crc_extra,)), mcrf4xx(body[1:]))
    return body + crc.to_bytes(2, "little")


@dataclass
class Attacker:
    """Makes chunks; the vehicle's own genuine heartbeats are among them."""

    dice: random.Random
    signer: Signer | None
    genuine: int = 0
    frames: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    _seq: int = 0
    _last: bytes = b""
    _known: dict[int, tuple[int, int]] = field(default_factory=known_messages)
    _ids: tuple[int, ...] = tuple(known_messages())

    def chunks(self, size: int) -> Iterator[tuple[bytes, tuple[str, int]]]:
        """``size`` frames, with who sent them."""
        home, other = ("127.0.0.1", 1), ("127.0.0.1", 2)
        makers = (self._valid, self._valid, self._flip, self._cut, self._junk)
        makers += (self._old, self._badly_signed, self._replayed)
        yield self._beat(), home
        for self.frames in range(1, size + 1):
            if self.frames % GENUINE_EVERY == 0:
                yield self._beat(), home
                continue
            make = self.dice.choice(makers)
            self.kinds[make.__name__.strip("_")] += 1
            yield make(), home if self.dice.random() < 0.9 else other

    def _beat(self) -> bytes:
        self.genuine += 1
        self._seq += 1
        beat = Heartbeat(GENUINE + self.genuine, 2, 3, 81, 4, 3)
        raw = encode(beat, seq=self._seq, sysid=1, compid=1)
        if self.signer is not None:
            extra = SPEC_OF[Heartbeat].crc_extra
            raw = self.signer.sign(with_flags(raw, FLAG_SIGNED, extra))
        self._last = raw
        return raw

    def _payload(self, longest: int) -> bytes:
        dice = self.dice
        length = longest if dice.random() < 0.7 else dice.randrange(longest + 1)
        words = (
            dice.choice(NASTY) if dice.random() < 0.4 else dice.randbytes(4)
            for _ in range(length // 4 + 1)
        )
        return b"".join(words)[:length]

    def _who(self) -> tuple[int, int]:
        dice = self.dice
        if dice.random() < 0.8:
            return 1, 1
        return dice.randrange(256), dice.randrange(256)

    def _any(self) -> int:
        return self.dice.choice(WANTED if self.dice.random() < 0.8 else self._ids)

    def _valid(self) -> bytes:
        msg_id = self._any()
        extra, longest = self._known[msg_id]
        payload = self._payload(longest)
        head = (0xFD, len(payload), 0, 0, self.dice.randrange(256), *self._who())
        return seal(bytes(head) + msg_id.to_bytes(3, "little") + payload, extra)

    def _old(self) -> bytes:
        """MAVLink 1."""
        msg_id = self.dice.choice(OLD)
        extra, longest = self._known[msg_id]
        payload = self._payload(longest)
        head = (0xFE, len(payload), self.dice.randrange(256), *self._who(), msg_id)
        return seal(bytes(head) + payload, extra)

    def _flip(self) -> bytes:
        raw = bytearray(self._valid())
        raw[self.dice.randrange(len(raw))] ^= 1 << self.dice.randrange(8)
        return bytes(raw)

    def _cut(self) -> bytes:
        raw = self._valid()
        return raw[: self.dice.randrange(1, len(raw))]

    def _junk(self) -> bytes:
        raw = self.dice.randbytes(self.dice.randrange(1, 300))
        return self.dice.choice((b"", b"\xfd\xff", b"\xfe\xff")) + raw

    def _badly_signed(self) -> bytes:
        msg_id = self._any()
        extra, longest = self._known[msg_id]
        payload = self._payload(longest)
        head = (0xFD, len(payload), 1, 0, self.dice.randrange(256), *self._who())
        raw = seal(bytes(head) + msg_id.to_bytes(3, "little") + payload, extra)
        return raw + self.dice.choice((b"\xff" * 13, self.dice.randbytes(13)))

    def _replayed(self) -> bytes:
        return self._last


class Ingest:
    """A vehicle in the middle of its mission, with everything listening."""

    def __init__(
        self, mission: Mission, scheme: str, state: Path | None, dice: random.Random
    ) -> None:
        self.clock = ManualClock()
        entry = FleetVehicle(
            VehicleId("v"), VehicleKind.COPTER, f"{scheme}:127.0.0.1:9"
        )
        signer = None
        if state is not None:
            signer = Signer(KEY, SigningState.load(state), self.clock)
        self.pilot = ArduPilot(VehicleKind.COPTER)
        options = LinkOptions(clock=self.clock)
        self.vehicle = MavlinkVehicle(entry, options, self.pilot, signer)
        self.wire = self.pilot.compile(mission)
        self.mission = mission
        self.dice = dice
        self.delivered: Counter[str] = Counter()
        self.genuine: set[int] = set()
        self._link = self.vehicle._link
        take = self._link._on_message

        def count(message: Message) -> None:
            self.delivered[type(message).__name__] += 1
            if isinstance(message, Heartbeat) and message.custom_mode > GENUINE:
                self.genuine.add(message.custom_mode - GENUINE)
            take(message)

        self._link._on_message = count

    def feed(self, chunk: bytes, peer: tuple[str, int]) -> None:
        """As a transport hands bytes on."""
        self._link._on_bytes(chunk, peer)

    def _exchange(self) -> Exchange:
        target, order = Target((1, 1), (255, 190)), Order(400, (1.0,))
        make: tuple[Callable[[], Exchange], ...] = (
            lambda: SendItems(self.wire.items, 0, target),
            lambda: FetchItems(self.dice.randrange(3), target, window=4),
            lambda: ReadParam("RTL_ALT", target, self.pilot.encoding),
            lambda: CommandBook().open(order, target, self._link.options.timing),
        )
        return self.dice.choice(make)()

    async def look(self) -> None:
        """What the tasks of a vehicle do every few milliseconds."""
        vehicle, now_s = self.vehicle, self.clock.monotonic_s()
        receipt = UploadReceipt("v", self.mission.digest(), vehicle.boot_id, 1)
        if vehicle.approved is None or vehicle.progress is None:
            vehicle.approved = Approved(receipt, self.mission, self.wire)
            vehicle.progress = Progress(self.wire, VehicleKind.COPTER)
        self._link._open[:] = [e for e in self._link._open if not e[0].done]
        while len(self._link._open) < 3:
            exchange = self._exchange()
            exchange.start(now_s)
            self._link._open.append((exchange, asyncio.Event()))
        for exchange, _ in self._link._open:
            exchange.on_time(now_s)
        vehicle.view.tick(now_s)
        vehicle.edits.count(now_s)
        vehicle.progress.update(vehicle.view, now_s)
        vehicle.progress.wants(now_s)
        vehicle.track()
        assert vehicle.telemetry.vehicle_id == "v"
        await vehicle.ready()


async def campaign(ingest: Ingest, attacker: Attacker, size: int) -> None:
    """Feed everything; an exception ends the test with its frame."""
    stream = ingest._link.endpoint.scheme == "tcp"
    for number, (chunk, peer) in enumerate(attacker.chunks(size)):
        if stream and len(chunk) > 2:
            at = attacker.dice.randrange(len(chunk))
            ingest.feed(chunk[:at], ("", 0))
            ingest.feed(chunk[at:], ("", 0))
        else:
            ingest.feed(chunk, peer)
        if number % LOOK_EVERY == 0:
            await ingest.clock.advance(0.02, step_s=0.02)
            await ingest.look()


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(
            LARGE,
            id="large",
            marks=[pytest.mark.campaign, pytest.mark.timeout(3600)],
        ),
    ],
)
async def test_hostile_frames_break_nothing_and_drown_nothing(
    size: int,
    make_mission: Callable[..., Mission],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.fsync", lambda fd: None)  # signing state, for speed
    told: list[str] = []
    for scheme, signed in (("udpin", False), ("udpin", True), ("tcp", False)):
        dice = random.Random(f"{scheme} {signed}")
        state = tmp_path / "ours.json" if signed else None
        ingest = Ingest(make_mission(5), scheme, state, dice)
        theirs = None
        if signed:
            theirs = Signer(KEY, SigningState(tmp_path / "its.json"), ingest.clock)
        attacker = Attacker(dice, theirs)
        await campaign(ingest, attacker, size // 3)
        heard = len(ingest.genuine & set(range(1, attacker.genuine + 1)))
        if signed:
            # Nothing that the vehicle did not sign reached anybody, and nothing
            # of what it signed twice.
            assert ingest.delivered == {"Heartbeat": heard}
        assert heard >= 0.99 * attacker.genuine, (scheme, signed, attacker.genuine)
        told.append(
            f"{scheme}{' signed' if signed else ''}: {attacker.frames} frames,"
            f" {heard} of {attacker.genuine} genuine heartbeats delivered,"
            f" {sum(ingest.delivered.values())} messages in all"
        )
    with capsys.disabled():
        print(f"\n{size} hostile frames, 0 exceptions; {'; '.join(told)}")
