"""Both ends in one process under virtual time.

The ground station and the simulated vehicle's core talk through a seeded
faulty link; nothing waits for a real clock or a socket. :class:`Rig` drives
the protocol machines alone; :class:`VirtualLoop` and :class:`Wire` run the
whole driver, tasks and all.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.exchange import Exchange, Target
from patrolctl.mavlink.framing import Scanner, encode
from patrolctl.mavlink.messages import Heartbeat, Message, decode
from simulators.faults import FaultyLink, LinkFaults
from simulators.vehicle import Vehicle

HOME = LatLon(lat_deg=34.2044, lon_deg=117.2857)
HOME_AMSL_M = 30.0
TARGET = Target(vehicle=(1, 1), us=(255, 190))
LATENCY_S = 0.004

E = TypeVar("E", bound=Exchange)


class Rig:
    """A ground station and a vehicle with a link between them."""

    def __init__(
        self, vehicle: Vehicle, faults: LinkFaults | None = None, seed: int = 0
    ) -> None:
        self.vehicle = vehicle
        self.link = FaultyLink(faults or LinkFaults(delay_s=LATENCY_S), seed=seed)
        self.heard: list[tuple[float, Message]] = []
        self.watch: Callable[[Vehicle], None] | None = None
        self._boots = vehicle.boots
        self._scanner = Scanner(datagrams=True)
        self._seq = 0
        self._beat_at_s = 0.0
        vehicle.open_link("gcs")

    @property
    def now_s(self) -> float:
        return self.vehicle.now_s

    def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            raw = encode(message, seq=self._seq, sysid=255, compid=190)
            self._seq += 1
            self.link.push_in(raw, self.now_s)

    def step(self, to_s: float) -> list[Message]:
        """Go to the next thing that happens, at most to ``to_s``."""
        vehicle, link = self.vehicle, self.link
        if self.now_s >= self._beat_at_s:
            self._beat_at_s = self.now_s + 1.0
            self.send([Heartbeat(0, 6, 8, 0, 4, 3)])
        due_s = min(to_s, vehicle.next_event_s(), link.next_due_s(), self._beat_at_s)
        vehicle.advance(max(due_s, self.now_s))
        for data in link.ready_in(self.now_s):
            vehicle.receive("gcs", data)
        out = vehicle.transmit("gcs")
        if out:
            link.push_out(out, self.now_s)
        if vehicle.boots != self._boots:
            self._boots = vehicle.boots
            vehicle.open_link("gcs")
        if self.watch is not None:
            self.watch(vehicle)
        messages = self._read()
        self.heard += [(self.now_s, message) for message in messages]
        return messages

    def _read(self) -> list[Message]:
        messages = []
        for data in self.link.ready_out(self.now_s):
            for frame in self._scanner.feed(data):
                message = decode(frame.msg_id, frame.payload)
                if message is not None and frame.sysid == 1:
                    messages.append(message)
        return messages

    def wait(self, seconds: float) -> list[Message]:
        end_s, messages = self.now_s + seconds, list[Message]()
        while self.now_s < end_s - 1e-9:
            messages += self.step(end_s)
        return messages

    def until(self, done: Callable[[Message], bool], limit_s: float) -> bool:
        """Whether such a message came within a time."""
        end_s = self.now_s + limit_s
        while self.now_s < end_s - 1e-9:
            if any(done(message) for message in self.step(end_s)):
                return True
        return False

    def run(self, exchange: E, limit_s: float = 120.0) -> E:
        """Run one exchange to its end."""
        end_s = self.now_s + limit_s
        self.send(exchange.start(self.now_s))
        while not exchange.done:
            assert self.now_s < end_s, f"{type(exchange).__name__} never ends"
            for message in self.step(min(end_s, exchange.deadline_s)):
                self.send(exchange.on_message(message, self.now_s))
            if self.now_s >= exchange.deadline_s:
                self.send(exchange.on_time(self.now_s))
        return exchange


class _Jump(selectors.SelectSelector):
    """Instead of waiting, time jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "every task waits for what never comes"
        self.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nobody has anything to do."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now_s


class LoopClock:
    """The Clock of a virtual loop."""

    START = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    def utc(self) -> datetime:
        return self.START + timedelta(seconds=self.monotonic_s())

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)

    def timeout(self, delay_s: float) -> asyncio.Timeout:
        return asyncio.timeout(delay_s)


class Wire:
    """A channel of the driver's that leads to a vehicle's core.

    ``stream``: like TCP it ends when the vehicle reboots; else, like UDP, the
    vehicle just goes on sending.
    """

    def __init__(
        self, vehicle: Vehicle, faults: LinkFaults, seed: int, *, stream: bool
    ) -> None:
        self.vehicle = vehicle
        self.link = FaultyLink(faults, seed=seed)
        self.ended = asyncio.Event()
        self.watch: Callable[[Vehicle], None] | None = None
        self._stream = stream
        self._boots = vehicle.boots
        self._on_bytes: Callable[[bytes, tuple[str, int]], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        vehicle.open_link("gcs")

    listens = False
    end = "the stream ended"

    async def open(self, on_bytes: Callable[[bytes, tuple[str, int]], None]) -> "Wire":
        """Stands in for ``transport.Door``."""
        self._on_bytes = on_bytes
        self.ended.clear()
        self._plan()
        return self

    def send(self, data: bytes, peer: tuple[str, int]) -> None:
        self.link.push_in(data, asyncio.get_running_loop().time())
        self._plan()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_s = min(self.vehicle.next_event_s(), self.link.next_due_s())
        self._timer = asyncio.get_running_loop().call_at(due_s, self._turn)

    def _turn(self) -> None:
        vehicle, link = self.vehicle, self.link
        now_s = asyncio.get_running_loop().time()
        vehicle.advance(now_s)
        for data in link.ready_in(now_s):
            vehicle.receive("gcs", data)
        out = vehicle.transmit("gcs")
        if out:
            link.push_out(out, now_s)
        if self.watch is not None:
            self.watch(vehicle)
        for data in link.ready_out(now_s):
            if self._on_bytes is not None:
                self._on_bytes(data, ("", 0))
        if vehicle.boots != self._boots:
            self._boots = vehicle.boots
            vehicle.open_link("gcs")
            if self._stream:
                link.clear()
                self.ended.set()
        self._plan()


def random_place(dice: random.Random) -> LatLon:
    return LatLon(
        lat_deg=HOME.lat_deg + dice.uniform(-0.004, 0.004),
        lon_deg=HOME.lon_deg + dice.uniform(-0.004, 0.004),
    )


def random_steps(dice: random.Random, kind: VehicleKind) -> list[MissionStep]:
    copter = kind is VehicleKind.COPTER
    steps: list[MissionStep] = []

    def add(what: StepType, **more: Any) -> None:
        steps.append(MissionStep(seq=len(steps) + 1, type=what, **more))

    def height() -> Altitude | None:
        if not copter:
            return None
        datum = dice.choice((Datum.HOME, Datum.HOME, Datum.AMSL))
        return Altitude(round(dice.uniform(40.0, 110.0), dice.randrange(4)), datum)

    if copter:
        add(StepType.TAKEOFF, altitude=Altitude(dice.uniform(5.0, 40.0), Datum.HOME))
    for _ in range(dice.randrange(1, 9)):
        place, up = random_place(dice), height()
        speed = dice.choice((None, round(dice.uniform(1.0, 9.0), 2)))
        heading = dice.choice((None, dice.uniform(0.0, 360.0))) if copter else None
        add(StepType.GO, position=place, altitude=up, speed_m_s=speed)
        if dice.random() < 0.6:
            wait = round(dice.uniform(0.5, 90.0), 1)
            more = {"duration_s": wait, "heading_deg": heading}
            add(StepType.DWELL, position=place, altitude=up, **more)
    if dice.random() < 0.2:
        add(StepType.JUMP, jump_to=dice.randrange(1, len(steps) + 1), jump_times=1)
    if copter or dice.random() < 0.5:
        add(StepType.RETURN_HOME)
    return steps


def random_mission(seed: int, kind: VehicleKind = VehicleKind.COPTER) -> Mission:
    """A mission as the compiler might make it."""
    dice = random.Random(seed)
    corners = [(-1, -1), (-1, 1), (1, 1), (1, -1), (0.4, -1.4)]
    size = dice.uniform(0.006, 0.009)
    ring = tuple(
        LatLon(lat_deg=HOME.lat_deg + a * size, lon_deg=HOME.lon_deg + b * size)
        for a, b in corners[: dice.choice((4, 5))]
    )
    copter = kind is VehicleKind.COPTER
    ceiling = Altitude(120.0, Datum.HOME) if copter else None
    rally = ()
    if copter and dice.random() < 0.3:
        up = Altitude(float(dice.randrange(20, 60)), Datum.HOME)
        rally = ((random_place(dice), up),)
    return Mission(
        sortie_id=f"s{seed}",  # type: ignore[arg-type]
        vehicle_kind=kind,
        home=HOME,
        home_amsl_m=HOME_AMSL_M,
        steps=tuple(random_steps(dice, kind)),
        fence=Fence(inclusion=ring, altitude_max=ceiling),
        rally=rally,
        return_altitude=Altitude(60.0, Datum.HOME) if copter else None,
    )


def random_faults(seed: int) -> LinkFaults:
    """From a clean link to a terrible one."""
    dice = random.Random(seed)
    if dice.random() < 0.3:
        return LinkFaults(delay_s=LATENCY_S)
    start_s = dice.uniform(0.0, 12.0)
    cut = dice.random() < 0.3
    return LinkFaults(
        loss=dice.choice((0.0, 0.02, 0.1, 0.25)),
        duplicate=dice.choice((0.0, 0.0, 0.1)),
        reorder=dice.choice((0.0, 0.0, 0.1)),
        corrupt=dice.choice((0.0, 0.02, 0.1)),
        delay_s=dice.choice((0.002, 0.05, 0.4)),
        jitter_s=dice.choice((0.0, 0.02, 0.3)),
        cuts=((start_s, start_s + dice.uniform(0.5, 12.0)),) if cut else (),
    )


@pytest.fixture(scope="session")
def rig() -> type[Rig]:
    return Rig


@pytest.fixture(scope="session")
def virtual() -> tuple[type[VirtualLoop], type[LoopClock], type[Wire]]:
    return VirtualLoop, LoopClock, Wire


@pytest.fixture(scope="session")
def target() -> Target:
    return TARGET


@pytest.fixture(scope="session")
def make_mission() -> Callable[..., Mission]:
    return random_mission


@pytest.fixture(scope="session")
def make_faults() -> Callable[[int], LinkFaults]:
    return random_faults
