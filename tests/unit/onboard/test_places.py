"""Where the agent plays and where it never does, with a vehicle that is unkind.

A whole agent without a broker: its commands, its sheet, positions as MAVLink
frames through the autopilot's own reader, a clock that the test moves.
"""

import asyncio
import hashlib
import io
import math
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from patrolctl.clock import ManualClock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.sound import Playback, PlaybackStatus, SpeakerState
from patrolctl.mqtt.payloads import CommandPayload, SheetCue, SheetPayload
from patrolctl.onboard.agent import Agent, Parts
from patrolctl.onboard.autopilot import Autopilot, parse_endpoint
from patrolctl.onboard.clips import ClipCache
from patrolctl.onboard.cues import Watch
from patrolctl.onboard.frames import Fix, Scanner
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.places import METRES_PER_DEG
from patrolctl.onboard.player import Player
from patrolctl.onboard.reports import Reporter

LAT, LON = 34.2, 117.2
M = 1 / 111_320.0  # degrees of latitude in a metre
COPTER, ROVER = 2, 10


def wav(seconds: float) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(struct.pack("<h", 100) * int(seconds * 8000))
    return out.getvalue()


@dataclass
class Quiet:
    """A sink that takes everything."""

    sounds: int = 0

    async def open(self, rate_hz: int, channels: int) -> None:
        del rate_hz, channels
        self.sounds += 1

    async def write(self, samples: bytes) -> None:
        del samples

    async def close(self) -> None: ...

    async def abort(self) -> None: ...

    async def probe(self) -> None: ...


class Notes(Reporter):
    """Keeps what would have been sent."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__("site", SpeakerId("spk"), clock)
        self.reports: list[Playback] = []
        self.states: list[SpeakerState] = []

    def playback(self, report: Playback, run_id: str | None) -> None:
        del run_id
        self.reports.append(report)

    def tell(self, state: SpeakerState) -> None:
        if state != self.state:
            self.states.append(state)
        self.state = state


@dataclass
class World:
    """A vehicle at ``north_m`` from the first station, and its agent."""

    folder: Path
    clock: ManualClock
    agent: Agent
    pilot: Autopilot
    notes: Notes
    sink: Quiet
    sha256: str
    kind: int = COPTER
    boot_ms: int = 0
    scanner: Scanner = field(default_factory=Scanner)

    def hear(
        self,
        north_m: float,
        *,
        up_m: float = 30.0,
        speed_m_s: float = 0.0,
        who: tuple[int, int] = (7, 1),
        armed: bool = True,
    ) -> None:
        """One heartbeat and one position, as bytes on the link."""
        mav = dialect.MAVLink(None, *who)
        beat = dialect.MAVLink_heartbeat_message(
            self.kind, 3, 0x80 if armed else 0, 0, 4, 3
        )
        place = dialect.MAVLink_global_position_int_message(
            self.boot_ms, round((LAT + north_m * M) * 1e7), round(LON * 1e7), 0,
            round(up_m * 1000), round(speed_m_s * 100), 0, 0, 0,
        )  # fmt: skip
        for fact in self.scanner.feed(bytes(beat.pack(mav)) + bytes(place.pack(mav))):
            self.pilot._take(fact)

    async def stand(self, north_m: float, seconds: float, **more: object) -> None:
        """Positions five times a second for a while."""
        for _ in range(round(seconds * 5)):
            self.boot_ms += 200
            self.hear(north_m, **more)  # type: ignore[arg-type]  # handed through
            await self.pass_s(0.2)

    async def fly(self, begin_m: float, end_m: float, speed_m_s: float = 10.0) -> None:
        steps = max(1, round(abs(end_m - begin_m) / speed_m_s * 5))
        for n in range(1, steps + 1):
            here_m = begin_m + (end_m - begin_m) * n / steps
            await self.stand(here_m, 0.2, speed_m_s=speed_m_s)

    async def pass_s(self, seconds: float) -> None:
        # What runs in threads (the cache) gets a real moment.
        for _ in range(3):
            await asyncio.sleep(0.001)
        await self.clock.advance(seconds)

    def cue(self, name: str, north_m: float, up_m: float = 30.0) -> SheetCue:
        return SheetCue(
            cue_id=name.split("@", maxsplit=1)[0], seq=1, key=f"run:{name}",
            clip_sha256=self.sha256, clip_url=None, duration_s=2.0, repeats=1,
            lat_deg=LAT + north_m * M, lon_deg=LON, up_m=up_m, station=name,
        )  # fmt: skip

    def load(self, *cues: SheetCue) -> None:
        self.agent.adopt(
            SheetPayload(
                id="s",
                ts_utc=self.clock.utc(),
                seq=1,
                action="cue_sheet",
                run_id="run",
                sortie_id="s1",
                cues=list(cues),
                expires_utc=self.clock.utc() + timedelta(hours=1),
            )
        )

    def play(self, name: str) -> None:
        self.agent.command(
            CommandPayload(
                id="p",
                ts_utc=self.clock.utc(),
                seq=1,
                action="play",
                key=f"run:{name}",
                clip_sha256=self.sha256,
                repeats=1,
                cue_id=name,
                expires_utc=self.clock.utc() + timedelta(seconds=20),
            )
        )

    def ended(self) -> list[tuple[str, str]]:
        return [
            (r.key.removeprefix("run:"), r.status.value)
            for r in self.notes.reports
            if r.status is not PlaybackStatus.STARTED
        ]


@asynccontextmanager
async def running(tmp_path: Path, *, sysid: int | None = None) -> AsyncIterator[World]:
    clock = ManualClock()
    raw = wav(2.0)
    shared = tmp_path / "shared"
    shared.mkdir(exist_ok=True)
    sha256 = hashlib.sha256(raw).hexdigest()
    (shared / f"{sha256}.wav").write_bytes(raw)
    cache = ClipCache(tmp_path / "cache", most_bytes=10**6, shared=shared)
    cache.get(sha256, None)
    ledger, sink, notes = Ledger(tmp_path / "played.db"), Quiet(), Notes(clock)
    parts = Parts(clock, ledger, cache, Player(sink, clock), notes)
    agent = Agent(SpeakerId("spk"), VehicleId("v"), parts)
    endpoint = parse_endpoint("tcp:127.0.0.1:9")
    pilot = Autopilot(endpoint, clock, sysid=sysid, on_fix=agent.moved)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(agent.play_jobs(), name="play")]
        await asyncio.sleep(0)
        yield World(tmp_path, clock, agent, pilot, notes, sink, sha256)
        for task in tasks:
            task.cancel()
    ledger.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as one:
        yield one


async def test_each_cue_once_at_its_station(world: World) -> None:
    world.load(world.cue("a", 0), world.cue("b", 60))
    await world.stand(-40, 1.0)
    await world.fly(-40, 0)
    await world.stand(0, 5.0)
    await world.fly(0, 60)
    await world.stand(60, 5.0)
    await world.fly(60, 0)
    await world.stand(0, 5.0)  # back again: it has been said here
    assert world.ended() == [("a", "completed"), ("b", "completed")]
    assert world.sink.sounds == 2


async def test_a_hold_is_one_visit_however_long(world: World) -> None:
    world.load(world.cue("a", 0), world.cue("b", 60))
    await world.stand(0, 120.0)
    await world.stand(2.5, 10.0)  # blown about, and back
    await world.stand(0, 10.0)
    assert world.ended() == [("a", "completed")]


async def test_a_hold_between_two_stations_plays_nothing(world: World) -> None:
    world.load(world.cue("a", 0), world.cue("b", 60))
    await world.fly(-20, 30)
    await world.stand(30, 60.0)
    assert world.ended() == []


async def test_stations_nearer_than_the_radius_are_told_apart(world: World) -> None:
    world.load(world.cue("a", 0), world.cue("b", 3.0), world.cue("c", 3.0, up_m=33.5))
    await world.stand(3.0, 4.0)
    assert world.ended() == [("b", "completed")]
    await world.stand(3.0, 4.0, up_m=33.5)
    assert world.ended()[1:] == [("c", "completed")]
    await world.stand(3.0, 30.0)  # a's place is within reach, and is not here
    assert len(world.ended()) == 2
    await world.stand(0.2, 4.0)
    assert world.ended()[2:] == [("a", "completed")]


async def test_a_jump_of_the_position_to_a_station_plays_nothing(world: World) -> None:
    world.load(world.cue("a", 0), world.cue("b", 400))
    await world.stand(200, 5.0)
    await world.stand(0, 6.0)  # the receiver says so; nobody flies 200 m in 0.2 s
    await world.stand(200, 6.0)
    assert world.ended() == []
    assert world.pilot.now.fix is None
    await world.stand(200, 5.0)  # it has agreed with itself for a while
    await world.fly(200, 0, speed_m_s=15.0)
    await world.stand(0, 5.0)
    assert world.ended() == [("a", "completed")]


async def test_a_burst_of_late_positions_is_no_jump(world: World) -> None:
    world.load(world.cue("a", 0))
    await world.stand(-80, 1.0, speed_m_s=15.0)
    for n in range(25):  # five seconds of the flight at once
        world.boot_ms += 200
        world.hear(-80 + 3 * (n + 1), speed_m_s=15.0)
    await world.fly(-5, 0, speed_m_s=5.0)
    await world.stand(0, 5.0)
    assert world.ended() == [("a", "completed")]


async def test_positions_of_others_are_not_ours(tmp_path: Path) -> None:
    async with running(tmp_path, sysid=7) as world:
        world.load(world.cue("a", 0))
        for _ in range(30):
            world.boot_ms += 200
            world.hear(200)
            world.hear(0, who=(9, 1))  # another vehicle on the same router
            world.hear(0, who=(7, 191))  # a companion of ours that tells positions
            await world.pass_s(0.2)
        assert world.ended() == []
        await world.fly(200, 0)
        await world.stand(0, 4.0)
        assert world.ended() == [("a", "completed")]


async def test_two_vehicles_and_none_named_is_a_fault(world: World) -> None:
    world.load(world.cue("a", 0))
    world.hear(200, who=(9, 1))
    for _ in range(30):
        world.hear(0)
        world.hear(200, who=(9, 1))
        await world.pass_s(0.2)
    assert world.ended() == []
    assert world.pilot.trouble is not None
    assert "--sysid" in world.pilot.trouble


async def test_disarmed_it_says_nothing(world: World) -> None:
    world.load(world.cue("a", 0))
    await world.stand(0, 10.0, armed=False)
    assert world.ended() == []


async def test_a_car_is_on_the_ground_whatever_its_height_says(world: World) -> None:
    world.kind = ROVER
    world.load(*(world.cue(f"a@{lap}", 0, up_m=0.0) for lap in (1, 2, 3)))
    for _ in range(4):  # a round more than the sheet has
        await world.fly(-60, 0)
        await world.stand(0, 5.0, up_m=-9.0)  # a barometer on a warm day
        await world.fly(0, -60)
    assert world.ended() == [(f"a@{lap}", "completed") for lap in (1, 2, 3)]


async def test_leaving_the_place_cuts_what_sounds_there(world: World) -> None:
    world.load(world.cue("a", 0))
    await world.stand(0, 2.0)
    await world.stand(6.0, 0.6)  # a gust is no leaving
    assert world.ended() == []
    await world.fly(6, 40, speed_m_s=15.0)
    assert world.ended() == [("a", "cut")]
    assert world.notes.reports[-1].reason == "the vehicle left the place"
    assert world.notes.state.reason is None  # nothing is broken


async def test_a_command_for_a_cue_of_the_sheet_is_refused_elsewhere(
    world: World,
) -> None:
    world.load(world.cue("a", 0), world.cue("b", 60))
    await world.stand(0, 0.4)
    world.play("b")
    await world.stand(0, 0.6)
    assert world.ended() == [("b", "refused")]
    assert "not at the place" in (world.notes.reports[-1].reason or "")
    world.play("a")  # by command and by place: once
    await world.stand(0, 10.0)
    assert world.ended()[1:] == [("a", "completed")]
    assert world.sink.sounds == 1


async def test_a_gap_in_the_positions_settles_anew() -> None:
    watch, here = Watch(), Fix(7, LAT, LON, 30.0, 0.0)
    cue = SheetCue(
        cue_id="a", seq=1, key="a", clip_sha256="ab" * 32, clip_url=None,
        duration_s=1.0, repeats=1, lat_deg=LAT, lon_deg=LON, up_m=30.0,
    )  # fmt: skip
    assert watch.due([cue], lambda _: False, here, 0.0) is None
    assert watch.due([cue], lambda _: False, here, 30.0) is None
    assert watch.due([cue], lambda _: False, here, 31.1) is cue


async def test_a_silence_outlives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.load(world.cue("a", 0))
        world.agent.silence()
        await world.stand(0, 5.0)
        assert world.ended() == []
        assert world.agent._ledger.kept("muted") == b"yes"
        world.load(world.cue("a", 0))  # a new sheet is meant to be heard
        await world.stand(0, 5.0)
        assert world.ended() == [("a", "completed")]


async def test_a_silence_that_overtakes_what_was_sent_before_it_holds(
    world: World,
) -> None:
    sent_before = world.clock.utc() - timedelta(seconds=5)
    world.agent.command(
        CommandPayload(id="s", ts_utc=world.clock.utc(), seq=2, action="silence")
    )
    sheet = SheetPayload(
        id="s",
        ts_utc=sent_before,
        seq=1,
        action="cue_sheet",
        run_id="run",
        sortie_id="s1",
        expires_utc=world.clock.utc() + timedelta(hours=1),
        cues=[world.cue("a", 0)],
    )
    world.agent.load(sheet, b"{}")
    late = CommandPayload(
        id="p",
        ts_utc=sent_before,
        seq=1,
        action="play",
        key="run:a",
        clip_sha256=world.sha256,
        expires_utc=world.clock.utc() + timedelta(hours=1),
    )
    world.agent.command(late)
    await world.stand(0, 5.0)
    assert world.sink.sounds == 0
    world.load(world.cue("a", 0))  # sent after it
    await world.stand(0, 5.0)
    assert world.ended() == [("a", "refused"), ("a", "completed")]


def test_a_vehicle_on_the_way_of_a_message_has_not_strayed() -> None:
    """Due at the start only; played anywhere on the straight way from there."""
    cue = SheetCue(
        cue_id="a", seq=1, key="a", clip_sha256="ab" * 32, clip_url=None,
        duration_s=1.0, repeats=9, lat_deg=LAT, lon_deg=LON, up_m=30.0,
        end_lat_deg=LAT + 200 / METRES_PER_DEG, end_lon_deg=LON, end_up_m=40.0,
    )  # fmt: skip
    watch = Watch()

    def at(north_m: float, east_m: float = 0.0, up_m: float = 30.0) -> Fix:
        east = east_m / METRES_PER_DEG / math.cos(math.radians(LAT))
        return Fix(1, LAT + north_m / METRES_PER_DEG, LON + east, up_m, 4.0)

    for north_m in (-5.0, 0.0, 100.0, 200.0, 205.0):
        up_m = 30.0 + min(200.0, max(0.0, north_m)) / 20.0
        assert not watch.strayed(at(north_m, up_m=up_m), cue)
        assert not watch.strayed(at(north_m, 6.0, up_m), cue)
        assert watch.strayed(at(north_m, 20.0, up_m), cue)
        assert watch.strayed(at(north_m, 0.0, up_m + 20.0), cue)
    assert watch.strayed(at(230.0, up_m=40.0), cue)
    still = Fix(1, LAT + 100 / METRES_PER_DEG, LON, 35.0, 0.0)
    assert watch.due([cue], lambda _: False, still, 0.0) is None
    assert watch.due([cue], lambda _: False, still, 5.0) is None
    here = Fix(1, LAT, LON, 30.0, 0.0)
    assert watch.due([cue], lambda _: False, here, 6.0) is None
    assert watch.due([cue], lambda _: False, here, 7.1) is cue
