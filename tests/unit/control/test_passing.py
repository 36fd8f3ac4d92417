"""A message in flight: the vehicle sets off with it and waits for its end."""

from dataclasses import replace

import pytest

from patrolctl.control.sorties.cuebook import CueBook
from patrolctl.control.sorties.rest import rest_of
from patrolctl.domain.ids import RunId
from patrolctl.domain.mission import StepType
from patrolctl.domain.plan import ItemType, PlanCue
from patrolctl.domain.run import Part, Phase
from patrolctl.planning.compile import compile_mission

CUE = "s1.3"
STAND, WAY, END = 3, 4, 5  # steps of the mission


@pytest.fixture
def sortie(make):
    """Out to the start of a pass, past, home; the message is 20 s long."""
    given = make.copter("s1", 1)
    start = given.items[2]
    there = make.site.frame.point_latlon(70.0, 20.0)
    item = replace(
        start,
        type=ItemType.PASS,
        lat_deg=there.lat_deg,
        lon_deg=there.lon_deg,
        speed_m_s=2.0,
        duration_s=45.0,
        hold_s=3.0,
        cue=PlanCue(start.cue.clip_sha256, 2),
    )
    return replace(given, items=(*given.items[:2], item, *given.items[3:]))


def one(kit, make, sortie):
    return make.flight(kit, make, [sortie], {sortie.id: "d1"})


def test_a_pass_compiles_to_a_stand_the_way_and_a_stand(make, sortie) -> None:
    mission, cues = compile_mission(make.plan(sortie), sortie, make.site)
    stand, way, end = mission.steps[STAND - 1 : END]
    assert (stand.type, way.type, end.type) == (
        StepType.DWELL,
        StepType.PASS,
        StepType.DWELL,
    )
    assert stand.leaves_s == stand.duration_s == 3.0
    assert end.leaves_s is None
    assert way.speed_m_s == 2.0
    assert stand.heading_deg == way.heading_deg == end.heading_deg == 0.0
    assert way.position == end.position != stand.position
    assert {s.plan_seq for s in (stand, way, end)} == {3}
    (cue,) = cues.cues
    assert (cue.seq, cue.until_seq, cue.repeats) == (STAND, END, 2)
    # Without the duration of the flight of some 30 s: what is left of 45 s.
    assert end.duration_s == pytest.approx(45.0 - 3.0 - 30.0, abs=1.0)


def test_the_sheet_tells_the_whole_way(make, sortie) -> None:
    mission, cues = compile_mission(make.plan(sortie), sortie, make.site)
    (placed,) = CueBook(RunId("r1"), sortie).sheet(mission, cues, 0)
    fly, item = sortie.items[1:3]
    assert (placed.lat_deg, placed.lon_deg) == (fly.lat_deg, fly.lon_deg)
    assert (placed.end.lat_deg, placed.end.lon_deg) == (item.lat_deg, item.lon_deg)
    assert placed.end.up_m == pytest.approx(item.alt_m)


@pytest.mark.parametrize(("deaf", "stands_s"), [(0, 1.0), (1, 21.0)])
async def test_it_sets_off_with_the_message_and_waits_for_its_end(
    kit, make, sortie, deaf, stands_s
) -> None:
    vehicle, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    speaker.deaf = deaf  # the command has to be sent again
    async with kit.open(), one(kit, make, sortie) as flight:
        await kit.until(lambda: vehicle.seq == STAND and vehicle.dwelling)
        stood_s = kit.clock.monotonic_s()
        await kit.until(lambda: vehicle.seq == WAY)
        waited_s = kit.clock.monotonic_s() - stood_s
        assert stands_s - 1.5 <= waited_s <= stands_s + 1.0
        assert speaker.plays == [f"{flight.state.id}:{CUE}"]
        await kit.until(lambda: vehicle.seq == END)
        assert speaker.whole == []
        await kit.until(lambda: vehicle.seq > END)
        assert speaker.whole == [f"{flight.state.id}:{CUE}"]
        await flight.to_the_end()
        assert flight.state.phase is Phase.FINISHED
        assert flight.texts().count(f"cue {CUE} played to the end") == 1


async def test_a_message_cut_in_flight_is_not_begun_in_the_middle(
    kit, make, sortie
) -> None:
    vehicle, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    speaker.cuts = 1
    async with kit.open(), one(kit, make, sortie) as flight:
        await kit.until(lambda: vehicle.seq > END)
        assert len(speaker.plays) == 1
        assert any("not complete" in t for t in flight.texts())


def test_a_pass_that_was_heard_is_flown_in_silence(sortie) -> None:
    rest = rest_of(sortie, Part(number=2, cues_done=(CUE,)))
    item = rest.items[2]
    assert (item.type, item.cue, item.hold_s) == (ItemType.FLY, None, None)
    assert item.speed_m_s == 2.0
    assert rest.duration_s == pytest.approx(sortie.duration_s - 3.0)
    again = rest_of(sortie, Part(number=2))
    assert again.items == sortie.items
