from datetime import UTC, datetime, timedelta
from itertools import pairwise

from patrolctl.domain.ids import VehicleId
from patrolctl.mavlink.messages import GlobalPositionInt
from patrolctl.mavlink.trail import NO_HEADING, Trail

BOOTED = datetime(2026, 1, 1, tzinfo=UTC)


def at(boot_ms: int, *, hdg: int = 9000, lat_e7: int = 342000000) -> GlobalPositionInt:
    return GlobalPositionInt(boot_ms, lat_e7, 1172000000, 66000, 30000, 0, 0, 0, hdg)


def test_a_burst_after_a_stall_keeps_the_times_of_measurement() -> None:
    trail = Trail(VehicleId("v"))
    for n in range(10):  # prompt: 50 ms after each was measured
        arrived = BOOTED + timedelta(seconds=n * 0.5 + 0.05)
        trail.push(at(n * 500), arrived)
    late = BOOTED + timedelta(seconds=20)  # 15 s of silence, then all at once
    for n in range(10, 40):
        trail.push(at(n * 500), late)
    points = trail.take()
    assert len(points) == 40
    gaps = [b.ts_utc - a.ts_utc for a, b in pairwise(points)]
    assert all(
        abs(g - timedelta(seconds=0.5)) < timedelta(milliseconds=1) for g in gaps
    )
    assert abs(points[0].ts_utc - BOOTED) < timedelta(milliseconds=51)
    assert trail.take() == ()


def test_it_is_thinned_and_waits_for_a_heading() -> None:
    trail = Trail(VehicleId("v"))
    for n in range(50):
        now = BOOTED + timedelta(seconds=n * 0.1)
        trail.push(at(n * 100, hdg=NO_HEADING if n < 10 else 18000), now)
    points = trail.take()
    assert len(points) == 10
    assert {p.heading_deg for p in points} == {180.0}
    assert points[0].up_m == 30.0


def test_time_goes_on_after_a_reboot() -> None:
    trail = Trail(VehicleId("v"))
    trail.push(at(900_000), BOOTED + timedelta(seconds=900))
    trail.push(at(1_000), BOOTED + timedelta(seconds=950))
    first, second = trail.take()
    assert second.ts_utc - first.ts_utc == timedelta(seconds=50)


def test_a_better_offset_never_sets_time_back() -> None:
    trail = Trail(VehicleId("v"))
    trail.push(at(0), BOOTED + timedelta(seconds=3))
    trail.push(at(500), BOOTED + timedelta(seconds=0.5))
    trail.push(at(6_000), BOOTED + timedelta(seconds=6))
    times = [p.ts_utc for p in trail.take()]
    assert times == sorted(times)
    assert times[-1] == BOOTED + timedelta(seconds=6)
