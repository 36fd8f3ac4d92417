import copy
import json
import sys

import pytest

from patrolctl import cli


def feature(id_, kind, geometry, **properties):
    return {
        "type": "Feature",
        "id": id_,
        "properties": {"kind": kind, **properties},
        "geometry": geometry,
    }


def box(lon, lat, dx=0.0003, dy=0.0002):
    ring = [[lon, lat], [lon + dx, lat], [lon + dx, lat + dy], [lon, lat + dy]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def point(lon, lat):
    return {"type": "Point", "coordinates": [lon, lat]}


def good_features():
    road = [[117.2795, 34.1996], [117.2815, 34.1996]]
    return [
        feature("fence", "geofence", box(117.279, 34.199, 0.004, 0.003)),
        feature(
            "z",
            "zone",
            box(117.2797, 34.1997, 0.002, 0.001),
            **{"class": "sealed", "quiet_hours": ["22:00-06:30"]},
        ),
        feature("a", "building", box(117.28, 34.2), floors=33, households=66),
        feature("b", "building", box(117.281, 34.2), height_m=20.0),
        feature("nf", "no_fly", box(117.2825, 34.2015), bottom_m=0, top_m=50),
        feature("l", "launch", point(117.2806, 34.2001), vehicle_kind="COPTER"),
        feature("r", "rally", point(117.2806, 34.2004)),
        feature("c", "charger", point(117.2807, 34.1998)),
        feature("s", "sampling_point", point(117.2807, 34.1997), hours="08:00-11:00"),
        feature(
            "road", "road", {"type": "LineString", "coordinates": road}, oneway=True
        ),
        feature("mast", "obstacle", point(117.2818, 34.2005), height_m=40),
    ]


class SiteDoc:
    """A good site that a test breaks in one place."""

    def __init__(self):
        self.members = {"type": "FeatureCollection", "name": "Test site"}
        self.features = good_features()

    def __getitem__(self, id_):
        return next(f for f in self.features if f["id"] == id_)

    def ring(self, id_):
        return self[id_]["geometry"]["coordinates"][0]

    def add(self, id_, kind, geometry, **properties):
        self.features.append(feature(id_, kind, geometry, **properties))

    def raw(self):
        document = {**self.members, "features": copy.deepcopy(self.features)}
        return json.dumps(document).encode()


@pytest.fixture
def doc():
    return SiteDoc()


@pytest.fixture
def shapes():
    return {"box": box, "point": point}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs ``patrolctl`` through its real entry point."""

    def run_command(*args):
        monkeypatch.setattr(sys, "argv", ["patrolctl", *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return stopped.value.code, out, err

    return run_command
