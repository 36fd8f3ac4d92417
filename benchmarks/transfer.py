"""A mission of 500 items, uploaded and read back: ours against the bare exchange.

The bound is the vehicle's own pace: a blocking socket that answers each of its
requests with bytes prepared beforehand, and asks for the next item the moment
one has come; it checks nothing. Ours is ``Vehicle.upload`` as a run uses it:
fence, rally points, parameters and mission, read back and compared. Both talk
to the same process, in turns.
"""

import asyncio
import contextlib
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from patrolctl.clock import SystemClock
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink import LinkOptions, connect_vehicle
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.framing import Scanner, encode
from patrolctl.mavlink.messages import (
    Heartbeat,
    Message,
    MissionAck,
    MissionCount,
    MissionRequestInt,
    MissionRequestList,
)
from patrolctl.mavlink.wire import WireItem, item_message

ROOT = Path(__file__).parents[1]
ITEMS, TURNS = 500, 3
HOME = LatLon(lat_deg=34.2044, lon_deg=117.2857)
US, VEHICLE = (255, 190), (1, 1)
ITEM_INT, COUNT, ACK, REQUESTS = 73, 44, 47, (40, 51)


def mission() -> Mission:
    """A take-off, points on a spiral, and home: 500 items on the wire."""
    up = Altitude(30.0, Datum.HOME)

    def place(n: int) -> LatLon:
        return LatLon(
            lat_deg=HOME.lat_deg + 1e-6 * n, lon_deg=HOME.lon_deg + 1e-6 * (n % 40)
        )

    # Item 0 is home, the take-off and the way home are two more.
    steps = [MissionStep(1, StepType.TAKEOFF, HOME, up)]
    steps += [MissionStep(n, StepType.GO, place(n), up) for n in range(2, ITEMS - 1)]
    steps.append(MissionStep(len(steps) + 1, StepType.RETURN_HOME))
    ring = tuple(
        LatLon(lat_deg=HOME.lat_deg + a, lon_deg=HOME.lon_deg + b)
        for a, b in ((-0.002, -0.002), (0.002, -0.002), (0.002, 0.002), (-0.002, 0.002))
    )
    return Mission(
        SortieId("bench"),
        VehicleKind.COPTER,
        HOME,
        30.0,
        tuple(steps),
        Fence(ring, (), Altitude(60.0, Datum.HOME)),
        (),
        Altitude(40.0, Datum.HOME),
    )


class Bare:
    """The exchange and nothing else."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._scanner = Scanner()
        self.send(Heartbeat(0, 6, 8, 0, 4, 3))

    def close(self) -> None:
        """Close."""
        self._socket.close()

    def send(self, message: Message) -> None:
        """One message."""
        self._socket.sendall(encode(message, seq=0, sysid=US[0], compid=US[1]))

    def _wait(self, *ids: int) -> bytes:
        while True:
            for frame in self._scanner.feed(self._socket.recv(65536)):
                if frame.msg_id in ids:
                    return frame.payload

    def upload(self, frames: list[bytes], mission_type: int) -> None:
        """Answer what is asked for until the ACK comes."""
        self.send(MissionCount(len(frames), *VEHICLE, mission_type))
        left = len(frames)
        while left >= 0:
            payload = self._wait(*REQUESTS, ACK)
            if left == 0:
                return
            seq = struct.unpack_from("<H", payload.ljust(2, b"\0"))[0]
            self._socket.sendall(frames[seq])
            left = min(left, len(frames) - seq - 1)

    def download(self, mission_type: int) -> int:
        """Ask for item after item."""
        self.send(MissionRequestList(*VEHICLE, mission_type))
        count = struct.unpack_from("<H", self._wait(COUNT).ljust(2, b"\0"))[0]
        for seq in range(count):
            self.send(MissionRequestInt(seq, *VEHICLE, mission_type))
            self._wait(ITEM_INT)
        self.send(MissionAck(*VEHICLE, 0, mission_type))
        return int(count)


def _frames(items: tuple[WireItem, ...], mission_type: int) -> list[bytes]:
    return [
        encode(
            item_message(item, seq, mission_type, VEHICLE),
            seq=0,
            sysid=US[0],
            compid=US[1],
        )
        for seq, item in enumerate(items)
    ]


def bare_s(port: int, what: Mission) -> float:
    """Seconds that the exchange alone takes."""
    wire = ArduPilot(VehicleKind.COPTER).compile(what)
    fence, items = _frames(wire.fence, 1), _frames(wire.items, 0)
    line = Bare(port)
    try:
        began_s = time.perf_counter()
        line.upload(fence, 1)
        line.download(1)
        line.upload(items, 0)
        count = line.download(0)
        took_s = time.perf_counter() - began_s
    finally:
        line.close()
    if count != len(items):
        msg = f"{count} items came back, not {len(items)}"
        raise RuntimeError(msg)
    return took_s


async def ours_s(port: int, what: Mission, state_dir: Path) -> float:
    """Seconds that our verified upload takes."""
    entry = FleetVehicle(VehicleId("v"), VehicleKind.COPTER, f"tcp:127.0.0.1:{port}")
    options = LinkOptions(clock=SystemClock(), state_dir=state_dir)
    async with connect_vehicle(entry, options) as vehicle, asyncio.timeout(120):
        while not (vehicle._link.observed and vehicle._link.identity.verified):  # noqa: ASYNC110, SLF001 - no event tells it
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)  # its streams have been asked for
        began_s = time.perf_counter()
        receipt = await vehicle.upload(what)
        took_s = time.perf_counter() - began_s
    if receipt.digest != what.digest():
        msg = "another mission"
        raise RuntimeError(msg)
    return took_s


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody to upload to: our bound's port and ours."""

    name: str
    bare: int
    ours: int


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(words: list[str], folder: Path) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, cwd=folder, stdout=quiet, stderr=quiet) as process:
        try:
            yield
        finally:
            process.kill()


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def simulator(root: Path) -> AsyncIterator[Peer]:
    """Our simulator."""
    port = _free()
    words = [sys.executable, "-m", "simulators", "copter", "--ready-scale", "0"]
    words += ["--listen", f"tcp:127.0.0.1:{port}", "--amsl", "30"]
    words += ["--lat", str(HOME.lat_deg), "--lon", str(HOME.lon_deg)]
    with _process(words, root):
        await _listening(port)
        yield Peer("the simulator", port, port)


@asynccontextmanager
async def ardupilot(folder: Path, binary: Path) -> AsyncIterator[Peer]:
    """Real ArduPilot, two serial ports."""
    parameters = binary.parent / "copter.parm"
    home = f"{HOME.lat_deg},{HOME.lon_deg},30,0"
    first, second = _free(), _free()
    words = [str(binary), "--model", "+", "--home", home, "--rc-in-port", "0"]
    words += ["--defaults", str(parameters)]
    words += ["--serial0", f"tcp:{first}:wait", "--serial1", f"tcp:{second}"]
    with _process(words, folder):
        await asyncio.sleep(2.0)
        yield Peer("ArduPilot", second, first)


async def measure(peer: Peer, folder: Path) -> None:
    """Ours and the bound in turns, and the ratio."""
    what = mission()
    ours, bare = list[float](), list[float]()
    for _ in range(TURNS):
        ours.append(await ours_s(peer.ours, what, folder))
        await asyncio.sleep(0.5)
        bare.append(await asyncio.to_thread(bare_s, peer.bare, what))
        await asyncio.sleep(0.5)
    ratio = statistics.median(ours) / statistics.median(bare)
    best = min(ours) / min(bare)
    print(
        f"{peer.name:>14}: verified upload {statistics.median(ours):6.2f} s,"
        f" bare exchange {statistics.median(bare):6.2f} s,"
        f" ratio {ratio:.2f} (of the best of {TURNS}: {best:.2f}), at most 1.3"
    )


async def bench() -> None:
    """Every peer that this machine has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with simulator(ROOT) as peer:
            await measure(peer, folder)
        found = shutil.which("arducopter")
        if found is None:
            print("     ArduPilot: not on PATH, left out")
            return
        async with ardupilot(folder, Path(found)) as peer:
            await measure(peer, folder)


def main() -> None:
    """Print the table."""
    print(f"{ITEMS} items, fence included, uploaded and read back on loopback")
    asyncio.run(bench())
