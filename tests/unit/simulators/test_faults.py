"""Faults of links and vehicles: seeded, scheduled, and read from options."""

import pytest

from simulators import trouble
from simulators.build import copter, rover
from simulators.copter import AUTO, GUIDED
from simulators.faults import FaultyLink, LinkFaults, cut_packets
from simulators.ground import Ground, Item
from simulators.trouble import Trouble
from simulators.wire import Encoder, Framer, Signing, mavlink

LAT, LON = 342044000, 1172857000
HOME = Item(mavlink.MAV_CMD_NAV_WAYPOINT, 0)
TAKEOFF = Item(mavlink.MAV_CMD_NAV_TAKEOFF, 6, z=15.0)


def wp(north_m: float) -> Item:
    lat = LAT + round(north_m / 0.011132)
    return Item(mavlink.MAV_CMD_NAV_WAYPOINT, 6, x=lat, y=LON, z=15.0)


def beats(number: int) -> bytes:
    encoder = Encoder(1, 1, 0, Signing())
    message = mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 0, 3)
    return b"".join(encoder.pack(message) for _ in range(number))


def through(faults: LinkFaults, number: int, seed: int = 1) -> list[int]:
    """Sequence numbers in their order of arrival."""
    link = FaultyLink(faults, seed=seed)
    link.push_out(beats(number), 0.0)
    framer, seen = Framer(), list[int]()
    for data in link.ready_out(100.0):
        seen += [p.message.get_seq() for p in framer.push(data)]
    return seen


def test_a_perfect_link_changes_nothing() -> None:
    assert through(LinkFaults(), 200) == list(range(200))


def test_packets_are_cut_at_their_borders() -> None:
    data = beats(5)
    packets = cut_packets(data + b"junk")
    assert b"".join(packets) == data + b"junk"
    assert len(packets) == 6


@pytest.mark.parametrize("seed", [1, 2])
def test_each_fault_does_what_it_says(seed: int) -> None:
    lost = through(LinkFaults(loss=0.3), 250, seed)
    assert 140 < len(lost) < 210
    assert lost == sorted(lost)
    doubled = through(LinkFaults(duplicate=0.3), 250, seed)
    assert 290 < len(doubled) < 360
    late = through(LinkFaults(reorder=0.3), 250, seed)
    assert sorted(late) == list(range(250))
    assert late != sorted(late)
    spoiled = through(LinkFaults(corrupt=0.3), 250, seed)
    assert 140 < len(spoiled) < 215, "a bad checksum is dropped by the reader"


def test_the_same_seed_spoils_the_same_packets() -> None:
    faults = LinkFaults(loss=0.2, duplicate=0.2, reorder=0.2, corrupt=0.2)
    assert through(faults, 200, 3) == through(faults, 200, 3)
    assert through(faults, 200, 3) != through(faults, 200, 4)


def test_delay_and_cuts() -> None:
    link = FaultyLink(LinkFaults(delay_s=0.5, cuts=((10.0, 20.0),)))
    link.push_in(beats(1), 1.0)
    assert link.ready_in(1.4) == []
    assert link.next_due_s() == 1.5
    assert len(link.ready_in(1.5)) == 1
    link.push_in(beats(1), 15.0)
    assert link.ready_in(30.0) == []
    assert link.dropped == 1


def test_options_are_read() -> None:
    link, troubles = trouble.parse(
        ["loss=0.1", "delay_s=0.2", "cut@60=5", "reboot@30", "gps-loss@90=20"]
    )
    assert (link.loss, link.delay_s, link.cuts) == (0.1, 0.2, ((60.0, 65.0),))
    assert troubles == [Trouble("reboot", 30.0), Trouble("gps-loss", 90.0, 20.0)]


@pytest.mark.parametrize("text", ["loss=2", "loss=x", "magic@3", "magic", "loss@x=1"])
def test_bad_options_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="--fault"):
        trouble.parse([text])


def flying(*troubles: Trouble, **more: object) -> Ground:
    ground = Ground(copter(ready_scale=0, **more))
    trouble.plan(ground.vehicle, troubles)
    ground.run(0.2)
    ground.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    ground.upload([HOME, TAKEOFF, wp(300), wp(0)])
    ground.command(mavlink.MAV_CMD_DO_SET_MODE, 1, GUIDED)
    ground.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
    ground.command(mavlink.MAV_CMD_MISSION_START)
    return ground


def test_a_second_station_rewrites_the_mission_between_two_looks() -> None:
    ground = Ground(copter(ready_scale=0))
    trouble.plan(ground.vehicle, [Trouble("second-gcs", 5.0)])
    ground.run(0.2)
    ground.upload([HOME, TAKEOFF, wp(300), wp(0)])
    before = [(i.x, i.z) for i in ground.download()]
    ground.run(6.0)
    after = [(i.x, i.z) for i in ground.download()]
    assert len(after) == 3
    assert after != before
    assert "second-gcs" not in ground.vehicle.links


def test_a_reboot_in_flight() -> None:
    ground = flying(Trouble("reboot", 20.0))
    ground.run(21.0)
    assert ground.vehicle.boots == 1
    assert ground.vehicle.links == {}
    assert not ground.vehicle.armed
    assert ground.vehicle.mission.count() == 4, "storage is kept"


def test_home_moves() -> None:
    ground = flying(Trouble("home-moved", 20.0, 30.0))
    before = ground.last("HOME_POSITION").longitude
    ground.run(21.0)
    assert ground.last("HOME_POSITION").longitude - before == pytest.approx(3258, abs=5)


def test_gps_comes_back() -> None:
    ground = flying(Trouble("gps-loss", 20.0, 10.0))
    ground.run(21.0)
    assert not ground.vehicle.position_ok
    ground.run(11.0)
    assert ground.vehicle.position_ok


def test_a_stalled_actuator_moves_nothing_and_says_nothing() -> None:
    ground = flying(Trouble("stall", 20.0, 15.0))
    ground.run(20.5)
    at, said = ground.vehicle.body.north_m, len(ground.texts())
    ground.run(14.0)
    assert ground.vehicle.body.north_m == at
    assert ground.texts()[said:] == []
    assert ground.vehicle.mode == AUTO
    ground.run(5.0)
    assert ground.vehicle.body.north_m > at


def test_batteries_sag_and_drain() -> None:
    ground = flying(
        Trouble("battery-sag", 15.0, 1.5), Trouble("battery-drain", 20, 0.1)
    )
    before = ground.vehicle.battery.voltage_v
    ground.run(16.0)
    assert ground.vehicle.battery.voltage_v < before - 1.4
    ground.run(6.0)
    assert any("Battery 1 is low" in t for t in ground.texts())


def test_a_gust_carries_it_over_the_fence() -> None:
    ground = flying(Trouble("breach", 30.0, 5.0), param_overrides={"FENCE_TYPE": 4})
    ring = [(-100, -100), (-100, 100), (350, 100), (350, -100)]
    vertex = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
    items = [
        Item(vertex, 0, (4, 0, 0, 0), LAT + round(n / 0.011132), LON + e * 100)
        for n, e in ring
    ]
    assert ground.upload(items, 1) == 0
    ground.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 1)
    ground.run(32.0)
    assert "Polygon fence breached" in ground.texts()


def test_wind_rises() -> None:
    ground = flying(Trouble("wind", 10.0, 8.0))
    ground.run(12.0)
    assert ground.last("WIND").speed == 8.0


def test_troubles_work_on_a_rover_too() -> None:
    ground = Ground(rover(ready_scale=0))
    kinds = [Trouble(kind, 5.0 + i) for i, kind in enumerate(sorted(trouble.KINDS))]
    trouble.plan(ground.vehicle, kinds)
    ground.run(30.0)
    assert ground.vehicle.boots == 1
    with pytest.raises(ValueError, match="none of"):
        trouble.plan(ground.vehicle, [Trouble("meteor", 1.0)])
