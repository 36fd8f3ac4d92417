"""Mission, fence and rally transfer as ArduPilot does it."""

import math

import pytest

from simulators.build import copter, rover
from simulators.ground import Ground, Item
from simulators.wire import mavlink

WP = mavlink.MAV_CMD_NAV_WAYPOINT
TAKEOFF = mavlink.MAV_CMD_NAV_TAKEOFF
LAT, LON = 342044000, 1172857000
VERTEX = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION


def home() -> Item:
    return Item(WP, 0, x=1, y=2, z=3.0)


def wp(n: int, **more: object) -> Item:
    return Item(WP, 6, x=LAT + 1000 * n, y=LON, z=15.0, **more)  # type: ignore[arg-type]


@pytest.fixture
def ground() -> Ground:
    station = Ground(copter(ready_scale=0))
    station.run(0.2)
    return station


def count(n: int, mission_type: int = 0) -> object:
    return mavlink.MAVLink_mission_count_message(1, 1, n, mission_type)


def acks(messages: list[object]) -> list[int]:
    return [m.type for m in messages if m.get_type() == "MISSION_ACK"]  # type: ignore[attr-defined]


def test_item_0_is_home_whatever_was_uploaded(ground: Ground) -> None:
    assert ground.upload([home(), wp(1)]) == mavlink.MAV_MISSION_ACCEPTED
    items = ground.download()
    assert (items[0].x, items[0].y, items[0].z) == (LAT, LON, 30.0)
    assert items[0].frame == 0


def test_uploading_without_home_loses_the_first_item(ground: Ground) -> None:
    ground.upload([wp(1), wp(2)])
    items = ground.download()
    assert [item.x for item in items] == [LAT, LAT + 2000]


def test_it_asks_with_mission_request_only(ground: Ground) -> None:
    ground.upload([home(), wp(1)])
    assert len(ground.all("MISSION_REQUEST")) == 2
    assert ground.all("MISSION_REQUEST_INT") == []


def test_it_asks_again_after_1_s_and_gives_up_after_8_s(ground: Ground) -> None:
    ground.send(count(2))
    start_s = ground.vehicle.now_s
    ground.run(7.8)
    asked = [t for t, m in ground.heard if m.get_type() == "MISSION_REQUEST"]
    assert [round(t - start_s) for t in asked] == list(range(8))
    messages = ground.run(0.4)
    assert acks(messages) == [mavlink.MAV_MISSION_OPERATION_CANCELLED]
    assert "Mission upload timeout" in ground.texts()
    assert ground.upload([home(), wp(1)]) == mavlink.MAV_MISSION_ACCEPTED


def test_an_item_out_of_turn_is_an_invalid_sequence(ground: Ground) -> None:
    ground.send(count(3))
    answer = ground.send(wp(1).message(1, 0))
    assert acks(answer) == [mavlink.MAV_MISSION_INVALID_SEQUENCE]
    answer = ground.send(home().message(0, 0))
    assert [m.seq for m in answer if m.get_type() == "MISSION_REQUEST"] == [1]


def test_a_repeated_item_is_an_invalid_sequence_and_does_no_harm(
    ground: Ground,
) -> None:
    ground.send(count(2))
    ground.send(home().message(0, 0))
    answer = ground.send(home().message(0, 0))
    assert acks(answer) == [mavlink.MAV_MISSION_INVALID_SEQUENCE]
    assert acks(ground.send(wp(1).message(1, 0))) == [mavlink.MAV_MISSION_ACCEPTED]


def test_a_refused_upload_has_destroyed_the_old_mission(ground: Ground) -> None:
    ground.upload([home(), wp(1), wp(2), wp(3), wp(4)])
    bad = Item(mavlink.MAV_CMD_DO_FOLLOW)
    result = ground.upload([home(), wp(11), bad])
    assert result == mavlink.MAV_MISSION_UNSUPPORTED
    items = ground.download()
    assert [item.x for item in items] == [LAT, LAT + 11000, LAT + 2000]


@pytest.mark.parametrize(
    ("item", "result"),
    [
        (Item(mavlink.MAV_CMD_DO_FOLLOW), mavlink.MAV_MISSION_UNSUPPORTED),
        (Item(WP, 1, x=LAT, y=LON), mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
        (Item(WP, 6, x=910_000_000, y=0), mavlink.MAV_MISSION_INVALID_PARAM5_X),
        (Item(WP, 6, x=0, y=1_810_000_000), mavlink.MAV_MISSION_INVALID_PARAM6_Y),
        (Item(WP, 6, z=90_000.0), mavlink.MAV_MISSION_INVALID_PARAM7),
        (Item(WP, 6, z=math.nan), mavlink.MAV_MISSION_INVALID_PARAM7),
        (Item(WP, 6, (math.nan, 0, 0, 0)), mavlink.MAV_MISSION_INVALID_PARAM1),
        (Item(WP, 6, (0, math.inf, 0, 0)), mavlink.MAV_MISSION_INVALID_PARAM2),
        (Item(WP, 6, (0, 0, 0, math.nan)), mavlink.MAV_MISSION_ACCEPTED),
        (
            Item(mavlink.MAV_CMD_DO_JUMP, 2, (9, 1, 0, 0)),
            mavlink.MAV_MISSION_ERROR,
        ),
        (
            Item(mavlink.MAV_CMD_DO_JUMP, 2, (0, 1, 0, 0)),
            mavlink.MAV_MISSION_ERROR,
        ),
        (
            Item(mavlink.MAV_CMD_DO_JUMP, 2, (1, -1, 0, 0)),
            mavlink.MAV_MISSION_ACCEPTED,
        ),
    ],
)
def test_items_are_refused_as_ardupilot_refuses_them(
    ground: Ground, item: Item, result: int
) -> None:
    assert ground.upload([home(), wp(1), item]) == result


def test_650_items_fit_and_no_more(ground: Ground) -> None:
    items = [home(), *(wp(n % 50) for n in range(649))]
    assert ground.upload(items) == mavlink.MAV_MISSION_ACCEPTED
    assert len(ground.download()) == 650
    assert ground.upload([*items, wp(1)]) == mavlink.MAV_MISSION_NO_SPACE
    assert "Only 650 items are supported" in ground.texts()
    assert len(ground.download()) == 650, "nothing was touched"


def test_do_items_lose_their_frame_and_whole_seconds_are_kept(ground: Ground) -> None:
    ground.upload(
        [
            home(),
            wp(1, params=(3.9, 0, 0, 0)),
            Item(mavlink.MAV_CMD_DO_CHANGE_SPEED, 6, (1, 4.3, -1, 0), x=5, y=6, z=7),
            Item(mavlink.MAV_CMD_NAV_LAND, 6, x=LAT, y=LON),
        ]
    )
    _, first, speed, land = ground.download()
    assert first.param1 == 3.0
    assert (speed.frame, speed.x, speed.y, speed.z) == (0, 0, 0, 0.0)
    assert speed.param2 == pytest.approx(4.3, rel=1e-6)
    assert land.param4 == 1.0


def test_altitude_is_kept_in_centimetres(ground: Ground) -> None:
    heights = [12.34, 12.345, -3.219, 100.999]
    ground.upload([home(), *(Item(WP, 6, x=LAT, y=LON, z=z) for z in heights)])
    for item, height in zip(ground.download()[1:], heights, strict=True):
        assert abs(item.z - height) < 0.0101
        assert abs(item.z * 100 - round(item.z * 100)) < 1e-3


def test_a_second_station_is_denied_while_one_uploads(ground: Ground) -> None:
    ground.send(count(2))
    other = Ground(ground.vehicle, "other", sysid=254)
    assert acks(other.send(count(5))) == [mavlink.MAV_MISSION_DENIED]
    reading = other.send(mavlink.MAVLink_mission_request_list_message(1, 1, 0))
    assert acks(reading) == [mavlink.MAV_MISSION_DENIED]
    assert ground.listen() == [], "answers go to the asking link only"


def test_the_same_station_may_start_over(ground: Ground) -> None:
    ground.send(count(9))
    ground.send(home().message(0, 0))
    assert ground.upload([home(), wp(1)]) == mavlink.MAV_MISSION_ACCEPTED


def test_count_0_clears_all_but_home(ground: Ground) -> None:
    ground.upload([home(), wp(1)])
    assert ground.upload([]) == mavlink.MAV_MISSION_ACCEPTED
    assert ground.vehicle.mission.total == 0


def test_clear_all(ground: Ground) -> None:
    ground.upload([home(), wp(1)])
    clear = mavlink.MAVLink_mission_clear_all_message(1, 1, 0)
    assert acks(ground.send(clear)) == [mavlink.MAV_MISSION_ACCEPTED]
    assert ground.vehicle.mission.count() == 0


def test_reading_beyond_the_end_tells_the_count(ground: Ground) -> None:
    ask = mavlink.MAVLink_mission_request_int_message(1, 1, 7, 0)
    answer = ground.send(ask)
    assert acks(answer) == [mavlink.MAV_MISSION_INVALID_SEQUENCE]
    assert [m.count for m in answer if m.get_type() == "MISSION_COUNT"] == [1]


def test_an_item_that_nobody_asked_for_is_an_error(ground: Ground) -> None:
    assert acks(ground.send(wp(1).message(1, 0))) == [mavlink.MAV_MISSION_ERROR]


def test_part_of_a_mission_can_be_replaced(ground: Ground) -> None:
    ground.upload([home(), wp(1), wp(2), wp(3)])
    partial = mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 2, 0)
    assert [m.seq for m in ground.send(partial)] == [2]
    assert acks(ground.send(wp(22).message(2, 0))) == [mavlink.MAV_MISSION_ACCEPTED]
    assert [item.x - LAT for item in ground.download()] == [0, 1000, 22000, 3000]


def square(size: int = 5000, n: float = 4.0) -> list[Item]:
    corners = [(-size, -size), (-size, size), (size, size), (size, -size)]
    return [Item(VERTEX, 6, (n, 0, 0, 0), LAT + x, LON + y) for x, y in corners]


def test_a_fence_is_read_back_in_frame_0(ground: Ground) -> None:
    assert ground.upload(square(), 1) == mavlink.MAV_MISSION_ACCEPTED
    items = ground.download(1)
    assert [i.frame for i in items] == [0] * 4
    assert [i.param1 for i in items] == [4.0] * 4
    assert [i.autocontinue for i in items] == [0] * 4


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (square(n=5.0), "Incorrect item count"),
        (square(n=2.0), "Invalid vertex count (2)"),
        (
            [*square()[:2], Item(VERTEX, 6, (3, 0, 0, 0), LAT, LON)],
            "Received incorrect vertex type",
        ),
        (
            [Item(mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION, 6, x=LAT, y=LON)],
            "Non-positive circle radius",
        ),
        ([*square()[:3], Item(VERTEX, 6, (4, 0, 0, 0), 10**9, LON)], "Bad lat or lon"),
    ],
)
def test_a_bad_fence_is_an_error_and_the_old_one_holds(
    ground: Ground, items: list[Item], text: str
) -> None:
    ground.upload(square(7000), 1)
    assert ground.upload(items, 1) == mavlink.MAV_MISSION_ERROR
    assert text in ground.texts()
    assert "Fence validation failed" in ground.texts()
    assert ground.download(1)[0].x == LAT - 7000


def test_a_fence_must_fit_into_the_storage(ground: Ground) -> None:
    assert ground.upload([square()[0]] * 71, 1) == mavlink.MAV_MISSION_NO_SPACE
    ring = [
        Item(VERTEX, 6, (70, 0, 0, 0), LAT + round(9e3 * math.sin(a)), LON)
        for a in range(70)
    ]
    assert ground.upload(ring, 1) == mavlink.MAV_MISSION_ERROR
    assert "Fence exceeds storage size" in ground.texts()


def test_a_mission_command_is_no_fence_and_no_rally_point(ground: Ground) -> None:
    assert ground.upload([wp(1)], 1) == mavlink.MAV_MISSION_UNSUPPORTED
    assert ground.upload([wp(1)], 2) == mavlink.MAV_MISSION_UNSUPPORTED


def test_rally_points_keep_whole_metres(ground: Ground) -> None:
    point = Item(mavlink.MAV_CMD_NAV_RALLY_POINT, 6, x=LAT, y=LON, z=20.7)
    assert ground.upload([point], 2) == mavlink.MAV_MISSION_ACCEPTED
    (back,) = ground.download(2)
    assert (back.frame, back.z, back.autocontinue) == (3, 20.0, 0)


def test_storage_survives_a_reboot(ground: Ground) -> None:
    ground.upload([home(), wp(1)])
    ground.upload(square(), 1)
    ground.vehicle.reboot()
    again = Ground(ground.vehicle, "again")
    again.run(0.2)
    assert len(again.download()) == 2
    assert len(again.download(1)) == 4


def test_an_upload_that_a_reboot_ended_is_forgotten(ground: Ground) -> None:
    ground.send(count(5))
    ground.vehicle.reboot()
    again = Ground(ground.vehicle, "again", sysid=254)
    assert again.upload([home(), wp(1)]) == mavlink.MAV_MISSION_ACCEPTED


def test_a_rover_has_room_for_655(ground: Ground) -> None:
    station = Ground(rover(ready_scale=0))
    assert acks(station.send(count(656))) == [mavlink.MAV_MISSION_NO_SPACE]
    assert acks(station.send(count(655))) == []
