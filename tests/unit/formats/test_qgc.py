"""``.plan`` files, read back by rules of their own and by MAVSDK."""

import json
import math
import socket
import threading

import numpy as np
import pytest
import shapely
from mavsdk.component_type import ComponentType
from mavsdk.mavsdk import Configuration, Mavsdk
from mavsdk.plugins.mission_raw import MissionRaw
from pymavlink.dialects.v20 import ardupilotmega

from patrolctl.domain.errors import InputError
from patrolctl.formats import qgc_plan, route_of, surroundings_of


def export(plan, sortie, site=None):
    route = route_of(plan, sortie)
    return json.loads(qgc_plan(plan, route, surroundings_of(plan, route, site)))


class Reader:
    """What MAVSDK's and QGC's importers insist on, written down again.

    Source: MAVSDK mission_raw/mission_import.cpp; QGC PlanMasterController,
    MissionController and SimpleMissionItem loading.
    """

    def __init__(self, document):
        assert document["fileType"] == "Plan"
        assert document["version"] == 1
        assert isinstance(document["groundStation"], str)
        mission = document["mission"]
        assert mission["version"] == 2
        for key in ("firmwareType", "vehicleType", "cruiseSpeed", "hoverSpeed"):
            assert isinstance(mission[key], int | float)
        self.home = mission["plannedHomePosition"]
        assert len(self.home) == 3
        self.items = [self.item(n, i) for n, i in enumerate(mission["items"], start=1)]
        assert document["geoFence"]["version"] == 2
        assert document["geoFence"]["circles"] == []
        self.polygons = document["geoFence"]["polygons"]
        for polygon in self.polygons:
            assert polygon["version"] == 1
            assert isinstance(polygon["inclusion"], bool)
            assert len(polygon["polygon"]) >= 3
            assert polygon["polygon"][0] != polygon["polygon"][-1]
        assert document["rallyPoints"]["version"] == 2
        self.rally = document["rallyPoints"]["points"]
        assert all(len(p) == 3 for p in self.rally)

    @staticmethod
    def item(number, item):
        assert item["type"] == "SimpleItem"
        assert item["autoContinue"] is True
        assert item["doJumpId"] == number
        assert len(item["params"]) == 7
        x, y = item["params"][4:6]
        if item["frame"] == 2:  # MAV_FRAME_MISSION: no position
            assert (x, y) == (0, 0)
        else:
            assert item["frame"] == 3  # relative altitude
            assert abs(x) <= 90.0  # latitude first
            assert abs(y) <= 180.0
            assert item["Altitude"] == item["params"][6]
            assert item["AltitudeMode"] == 1
            assert item["AMSLAltAboveTerrain"] is None
        return (item["command"], *item["params"])


def metres(a, b):
    north = (a[0] - b[0]) * 111_320
    return math.hypot(north, (a[1] - b[1]) * 111_320 * math.cos(math.radians(a[0])))


def test_a_flight(plan):
    read = Reader(export(plan, plan.sorties[0]))
    assert [i[0] for i in read.items] == [
        22,  # takeoff
        178, 16, 115, 19,  # speed, to the station, turn, stay
        178, 16, 19,  # the second without a heading
        178, 16, 16, 20,  # up, above home, home
    ]  # fmt: skip
    assert read.items[0][7] == 20.0
    assert read.items[1][1:3] == (1, 8.0)
    assert read.items[3][1] == 270.0
    assert read.items[4][1] == 44.0
    assert read.items[4][5:] == read.items[2][5:]
    up, over_home = read.items[9], read.items[10]
    assert up[5:7] == read.items[6][5:7]
    assert up[7] == over_home[7] == 104.0
    assert metres(over_home[5:7], read.home) < 0.05
    assert read.home[2] == 36.0


def test_positions_are_the_plans(plan):
    read = Reader(export(plan, plan.sorties[0]))
    stays = [i for i in read.items if i[0] == 19]
    dwells = [i for i in plan.sorties[0].items if i.duration_s]
    for stay, dwell in zip(stays, dwells, strict=True):
        assert metres(stay[5:7], (dwell.lat_deg, dwell.lon_deg)) < 0.02
        assert stay[7] == dwell.alt_m


def test_a_landing(plan):
    read = Reader(export(plan, plan.sorties[1]))
    assert [i[0] for i in read.items][-1] == 21
    assert 20 not in [i[0] for i in read.items]


def test_a_patrol_of_three_loops(plan):
    read = Reader(export(plan, plan.sorties[2]))
    commands = [i[0] for i in read.items]
    assert 22 not in commands
    jump = commands.index(177)
    target, times = read.items[jump][1:3]
    assert times == 2  # twice more
    assert commands[target - 1] == 178  # each loop sets its speed again
    assert commands[target] == 16
    assert commands[jump + 1 :] == [16]
    assert all(i[7] == 0.0 for i in read.items if i[0] in (16, 19))


def test_the_fence_is_the_sites_in_lat_lon_order(plan, site):
    read = Reader(export(plan, plan.sorties[0], site))
    inside = [p for p in read.polygons if p["inclusion"]]
    (fence,) = inside
    assert metres(fence["polygon"][0], read.home) < 500.0
    ring = np.array(fence["polygon"])
    en = site.frame.to_en(ring[:, 0], ring[:, 1])
    assert shapely.Polygon(en).symmetric_difference(site.geofence).area < 1.0
    assert len(read.polygons) == 2  # the school
    assert len(read.rally) == len(site.rallies)
    assert all(metres(p, read.home) < 500.0 and p[2] == 104.0 for p in read.rally)


def test_without_a_site_the_plans_own_geofence(plan):
    read = Reader(export(plan, plan.sorties[0]))
    assert len(read.polygons) == 1
    assert read.rally == []


def test_a_geofence_that_does_not_hold_home_is_refused(plan):
    moved = tuple((lat + 1.0, lon) for lat, lon in plan.geofence)
    object.__setattr__(plan, "geofence", moved)
    with pytest.raises(InputError, match="home: lies outside of the geofence"):
        export(plan, plan.sorties[0])


def test_another_site_is_refused(plan, site):
    object.__setattr__(plan, "site_sha256", "0" * 64)
    with pytest.raises(InputError, match="another site"):
        export(plan, plan.sorties[0], site)


@pytest.fixture(scope="module")
def mavsdk_raw():
    """MAVSDK's MissionRaw, talking to a heartbeat on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kind = ComponentType.GROUND_STATION
    sdk = Mavsdk(Configuration.create_with_component_type(kind))
    sdk.add_any_connection(f"udpin://127.0.0.1:{port}")
    mav = ardupilotmega.MAVLink(None, 1, 1)
    done = threading.Event()

    def beat():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not done.wait(0.05):
                heartbeat = mav.heartbeat_encode(2, 3, 0, 0, 3).pack(mav)
                out.sendto(heartbeat, ("127.0.0.1", port))

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        system = sdk.first_autopilot(10.0)
        assert system is not None
        yield MissionRaw(system)
    finally:
        done.set()
        beating.join()
        sdk.destroy()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_mavsdk_imports_it(plan, site, mavsdk_raw, number):
    sortie = plan.sorties[number]
    document = export(plan, sortie, site)
    read = mavsdk_raw.import_qgroundcontrol_mission_from_string(json.dumps(document))
    ours = document["mission"]["items"]
    assert [i.command for i in read.mission_items[1:]] == [i["command"] for i in ours]
    home = read.mission_items[0]  # MAVSDK puts home first for ArduPilot
    assert home.x == round(plan.home_of(sortie).lat_deg * 1e7)
    placed = [i for i in read.mission_items[1:] if i.frame == 3]
    assert all(
        metres((i.x / 1e7, i.y / 1e7), (home.x / 1e7, home.y / 1e7)) < 300
        for i in placed
    )
    fence = document["geoFence"]["polygons"]
    assert len(read.geofence_items) == sum(len(p["polygon"]) for p in fence)
    assert len(read.rally_items) == len(document["rallyPoints"]["points"])
