import sys
from datetime import UTC, datetime

import pytest
import shapely

from patrolctl import cli
from patrolctl.config import missions_dir
from patrolctl.domain.ids import (
    AnnouncementId,
    ReceiverId,
    SortieId,
    StationId,
)
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
from patrolctl.domain.plan import (
    ItemType,
    Plan,
    PlanAnnouncement,
    PlanCue,
    PlanHome,
    PlanItem,
    PlanKind,
    PlanReceiver,
    PlanSummary,
    Requirement,
    Sortie,
)
from patrolctl.sites import load_site

CLIP = "ab" * 32


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs ``patrolctl`` through its real entry point."""
    monkeypatch.setenv("PATROLCTL_DATA_DIR", str(tmp_path / "data"))

    def run_command(*args):
        monkeypatch.setattr(sys, "argv", ["patrolctl", *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return stopped.value.code, out, err

    return run_command


@pytest.fixture(scope="session")
def site_file():
    return missions_dir() / "xuzhou-estate" / "site.geojson"


@pytest.fixture(scope="session")
def site(site_file):
    return load_site(site_file)


@pytest.fixture
def plan(site):
    """Two flights and a patrol of three loops, drawn by hand."""
    pad = site.launches[0]
    gate = next(p for p in site.launches if p.vehicle_kind is VehicleKind.ROVER)
    home = site.frame.point_latlon(pad.east_m, pad.north_m)
    road = site.frame.point_latlon(gate.east_m, gate.north_m)

    def item(seq, kind, east, north, up, **more):
        p = site.frame.point_latlon(pad.east_m + east, pad.north_m + north)
        return PlanItem(seq, kind, p.lat_deg, p.lon_deg, up, **more)

    cue = PlanCue(CLIP, 2)
    first = (
        item(1, ItemType.TAKEOFF, 0, 0, 20),
        item(2, ItemType.FLY, 10, 25, 20, speed_m_s=8.0),
        item(
            3,
            ItemType.DWELL,
            10,
            25,
            20,
            heading_deg=270.0,
            duration_s=44.04,
            cue=cue,
            station=StationId("st-1"),
        ),
        item(4, ItemType.FLY, -15, 30, 45, speed_m_s=3.0),
        item(5, ItemType.DWELL, -15, 30, 45, duration_s=44.04, cue=cue),
        item(6, ItemType.RETURN_HOME, 0, 0, 104, speed_m_s=8.0),
    )
    second = (
        item(1, ItemType.TAKEOFF, 0, 0, 15),
        item(2, ItemType.FLY, 20, 0, 15, speed_m_s=8.0),
        item(3, ItemType.DWELL, 20, 0, 15, duration_s=44.04, cue=cue),
        item(4, ItemType.LAND, 0, 0, 0),
    )

    def drive(seq, kind, east, **more):
        p = site.frame.point_latlon(gate.east_m + east, gate.north_m)
        return PlanItem(seq, kind, p.lat_deg, p.lon_deg, 0.0, speed_m_s=2.5, **more)

    patrol = (
        drive(1, ItemType.DRIVE, 0),
        drive(2, ItemType.DRIVE, 40),
        drive(3, ItemType.DWELL, 40, duration_s=44.0, cue=cue),
        drive(4, ItemType.DRIVE, 0),
    )
    fence = site.frame.to_latlon_deg(shapely.get_coordinates(site.geofence))
    rover_home = PlanHome(road.lat_deg, road.lon_deg, 36.0)
    copter, rover = VehicleKind.COPTER, VehicleKind.ROVER
    return Plan(
        kind=PlanKind.DRONE,
        site_sha256=site.sha256,
        seed=1,
        created_utc=datetime(2026, 1, 1, tzinfo=UTC),
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(),
        announcement=PlanAnnouncement(AnnouncementId("hello"), 22.0, 2, CLIP),
        home=PlanHome(home.lat_deg, home.lon_deg, 36.0),
        sorties=(
            Sortie(SortieId("D1"), copter, first, 180.0, 300.0, 0.2),
            Sortie(SortieId("D2"), copter, second, 90.0, 60.0, 0.1),
            Sortie(
                SortieId("R1"),
                rover,
                patrol,
                300.0,
                240.0,
                0.1,
                loops=3,
                home=rover_home,
            ),
        ),
        receivers=(
            PlanReceiver(
                ReceiverId("b10-s-1"),
                "b10",
                None,
                1,
                home.lat_deg,
                home.lon_deg,
                4.5,
                0.6,
                71.0,
                reached=True,
                stations=(StationId("st-1"),),
            ),
        ),
        summary=PlanSummary(),
        site_id=site.id,
        geofence=tuple((float(lat), float(lon)) for lat, lon in fence),
    )
