"""Steps, dwells, holds, stalls and the end, by a scripted vehicle."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.telemetry import EventKind
from patrolctl.geo import LatLon
from patrolctl.mavlink import messages as m
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.state import View

AUTO, BRAKE, RTL, GUIDED = 3, 17, 6, 4


@dataclass
class Script:
    """A copter that says what it is told to say."""

    world: SimpleNamespace
    view: View = field(
        default_factory=lambda: View(VehicleId("v"), ArduPilot(VehicleKind.COPTER))
    )
    now_s: float = 0.0
    facts: list[Fact] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        wire = ArduPilot(VehicleKind.COPTER).compile(self.world.copter_mission())
        self.progress = Progress(wire, VehicleKind.COPTER)

    def say(self, message: m.Message) -> None:
        self.facts += self.view.apply(message, self.now_s)

    def mode(self, code: int, *, armed: bool = True) -> None:
        self.say(m.Heartbeat(code, 2, 3, 0x80 if armed else 0, 4, 3))

    def at(self, where: LatLon, up_m: float, heading: float = 0.0, v: int = 0) -> None:
        self.say(
            m.GlobalPositionInt(
                int(self.now_s * 1000),
                round(where.lat_deg * 1e7),
                round(where.lon_deg * 1e7),
                int((30 + up_m) * 1000),
                int(up_m * 1000),
                v,
                0,
                0,
                int(heading * 100),
            )
        )

    def item(self, seq: int, state: int = 3) -> None:
        self.say(m.MissionCurrent(seq, 9, state, 1))

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 0.1
            self.facts += self.view.tick(self.now_s)
            self.facts += self.progress.update(self.view, self.now_s)
            wanted = self.progress.wants(self.now_s)
            if wanted is not None:
                self.asked.append(wanted)

    def kinds(self, *kinds: EventKind) -> list[tuple[EventKind, int | None]]:
        return [(f.kind, f.seq) for f in self.facts if f.kind in kinds]


STATION_ITEM, NEXT_ITEM = 7, 8
DWELLS = (EventKind.DWELL_STARTED, EventKind.DWELL_ENDED)


@pytest.fixture
def script(world: SimpleNamespace) -> Script:
    return Script(world)


def arrive(script: Script, heading: float = 200.0) -> None:
    script.mode(AUTO)
    script.item(1)
    script.at(script.world.place(0, 0), 5)
    script.run(1)
    script.item(STATION_ITEM)
    script.at(script.world.place(60, 40), 25, heading)
    script.run(1.2)


def test_a_dwell_starts_settled_and_is_released_when_its_time_is_up(
    script: Script,
) -> None:
    arrive(script)
    assert script.kinds(*DWELLS) == [(EventKind.DWELL_STARTED, 4)]
    script.run(11)
    assert script.asked == []
    script.run(3)
    assert script.asked == [NEXT_ITEM]
    script.item(NEXT_ITEM)
    script.run(0.2)
    assert script.kinds(*DWELLS)[-1] == (EventKind.DWELL_ENDED, 4)


@pytest.mark.parametrize(
    ("north_m", "up_m", "heading", "v"),
    [(50.0, 25, 200, 0), (60, 20, 200, 0), (60, 25, 100, 0), (60, 25, 200, 300)],
)
def test_no_dwell_starts_elsewhere_unturned_or_on_the_move(
    script: Script, north_m: float, up_m: float, heading: float, v: int
) -> None:
    arrive(script, heading=100.0)
    script.at(script.world.place(north_m, 40), up_m, heading, v)
    script.run(5)
    assert script.kinds(*DWELLS) == []


def test_one_that_never_settles_starts_late_and_says_so(script: Script) -> None:
    arrive(script, heading=100.0)
    script.run(25)
    (fact,) = [f for f in script.facts if f.kind is EventKind.DWELL_STARTED]
    assert "not settled" in fact.text
    assert fact.severity <= 4


def test_a_hold_in_a_dwell_keeps_the_rest_of_it(script: Script) -> None:
    arrive(script)
    script.run(5)
    script.view.commanded(script.view.pilot.mode_purpose(BRAKE), script.now_s)
    script.mode(BRAKE)
    script.item(STATION_ITEM, 2)
    script.run(60)
    assert script.asked == []
    assert script.kinds(EventKind.DWELL_ENDED) == []
    script.mode(AUTO)
    script.item(STATION_ITEM, 3)
    script.progress.restarted()
    script.run(6)
    assert script.asked == []
    script.run(3)
    assert script.asked == [NEXT_ITEM]
    assert script.kinds(EventKind.FAILSAFE) == []


def test_somebody_may_keep_it_longer_than_the_vehicle_would(script: Script) -> None:
    arrive(script)
    script.progress.keep(4, 100.0)
    script.run(95)
    # taken anew in time, from the step's first item, before the vehicle leaves
    assert set(script.asked) == {6}
    assert len(script.asked) >= 3
    script.asked.clear()
    script.progress.keep(4, 0.0)
    script.run(0.3)
    assert script.asked == [NEXT_ITEM]


def test_leaving_the_mission_cuts_the_dwell(script: Script) -> None:
    arrive(script)
    script.run(2)
    script.mode(RTL)
    script.run(3)
    assert script.kinds(*DWELLS)[-1] == (EventKind.DWELL_ENDED, 4)
    assert script.kinds(EventKind.FAILSAFE) != []  # nobody commanded it
    broke_off = script.progress.breakpoint
    assert broke_off is not None
    assert broke_off.seq == 4
    assert broke_off.dwell_done_s == pytest.approx(2.0, abs=0.5)


def test_a_silent_stall_is_told_once(script: Script) -> None:
    script.mode(AUTO)
    script.item(3)
    script.at(script.world.place(20, 0), 20)
    script.run(60)
    assert script.kinds(EventKind.STALLED) == [(EventKind.STALLED, 2)]
    script.at(script.world.place(25, 0), 20)
    script.run(60)
    assert len(script.kinds(EventKind.STALLED)) == 2


def test_held_and_dwelling_vehicles_do_not_stall(script: Script) -> None:
    arrive(script)
    script.progress.keep(4, 500.0)
    script.run(100)
    script.view.commanded(script.view.pilot.mode_purpose(BRAKE), script.now_s)
    script.mode(BRAKE)
    script.run(100)
    assert script.kinds(EventKind.STALLED) == []


def test_the_end_is_the_disarming_after_the_last_step(script: Script) -> None:
    script.mode(AUTO)
    script.item(9)
    script.at(script.world.place(0, 0), 5)
    script.run(1)
    script.item(0, 5)  # ArduCopter resets it before it tells that it disarmed
    script.run(1)
    assert script.kinds(EventKind.FINISHED) == []
    script.mode(AUTO, armed=False)
    script.run(0.2)
    assert script.kinds(EventKind.FINISHED) == [(EventKind.FINISHED, 6)]


def test_disarming_on_the_way_is_no_end(script: Script) -> None:
    arrive(script)
    script.mode(AUTO, armed=False)
    script.run(1)
    assert script.kinds(EventKind.FINISHED) == []
    assert script.kinds(*DWELLS)[-1] == (EventKind.DWELL_ENDED, 4)


def test_reached_is_never_believed(script: Script) -> None:
    script.mode(AUTO)
    script.item(3)
    script.run(0.5)
    script.say(m.MissionItemReached(9))  # a new link is sent the last one again
    script.run(1)
    assert [s for _, s in script.kinds(EventKind.STEP)] == [2]
    assert script.kinds(EventKind.FINISHED) == []


# -- failsafes ---------------------------------------------------------------


def text(words: str, severity: int = 2) -> m.StatusText:
    return m.StatusText(severity, words.encode().ljust(50, b"\0"), 0, 0)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("GCS Failsafe", "gcs"),
        ("Radio Failsafe", "radio"),
        ("Battery 1 is low 10.4V used 1200 mAh", "battery"),
        ("Polygon fence breached", "fence"),
        ("EKF Failsafe: changed to LAND Mode", "ekf"),
    ],
)
def test_failsafes_are_recognised_and_stay_until_somebody_decides(
    script: Script, words: str, name: str
) -> None:
    arrive(script)
    script.say(text(words))
    script.mode(RTL)
    script.run(5)
    assert script.view.failsafe == name
    assert len(script.kinds(EventKind.FAILSAFE)) == 1
    script.say(text("GCS Failsafe Cleared"))
    script.run(5)
    assert script.view.failsafe == name
    script.mode(RTL, armed=False)
    assert script.view.failsafe is None


def test_on_the_ground_a_text_is_only_a_text(script: Script) -> None:
    script.mode(GUIDED, armed=False)
    script.say(text("PreArm: Battery 1 below minimum arming voltage"))
    script.say(text("GCS Failsafe"))
    assert script.kinds(EventKind.FAILSAFE) == []
    assert script.view.refusals_since(0.0) == (
        "Battery 1 below minimum arming voltage",
    )


def test_our_own_return_is_no_failsafe(script: Script) -> None:
    arrive(script)
    script.view.commanded(script.view.pilot.mode_purpose(RTL), script.now_s)
    script.mode(RTL)
    script.run(5)
    assert script.kinds(EventKind.FAILSAFE) == []
    assert len(script.kinds(EventKind.RETURNING)) == 1


def test_hostile_text_becomes_plain(script: Script) -> None:
    raw = b"\x1b[31m<b>../..\r\nroot\x07\xff"
    script.say(m.StatusText(6, raw.ljust(50, b"\0"), 0, 0))
    (fact,) = [f for f in script.facts if f.kind is EventKind.TEXT]
    assert fact.text.isprintable()
    assert "\x1b" not in fact.text


def test_chunks_of_texts_are_joined_and_bounded(script: Script) -> None:
    script.say(m.StatusText(6, b"a" * 50, 7, 0))
    script.say(m.StatusText(6, b"b".ljust(50, b"\0"), 7, 1))
    assert script.facts[-1].text == "a" * 50 + "b"
    for n in range(1, 1000):
        script.say(m.StatusText(6, b"x" * 50, n, 0))
    assert len(script.view._assembler._open) <= 9
