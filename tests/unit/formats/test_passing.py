"""A message in flight, as other ground stations get it."""

import io
import json
import zipfile
from dataclasses import replace

import pytest
from defusedxml.ElementTree import fromstring

from patrolctl.domain.errors import InputError
from patrolctl.domain.plan import ItemType, PlanCue
from patrolctl.formats import (
    megaphone_file,
    plan_geojson,
    qgc_plan,
    route_of,
    surroundings_of,
    wpml_kmz,
)

WPML = "{http://www.dji.com/wpmz/1.0.2}"
KML = "{http://www.opengis.net/kml/2.2}"


@pytest.fixture
def passing(plan, site):
    """The first flight with a pass in the place of its second station."""
    first = plan.sorties[0]
    start = site.frame.point_en(first.items[3].position)
    there = site.frame.point_latlon(start[0] + 60.0, start[1])
    item = replace(
        first.items[4],
        type=ItemType.PASS,
        lat_deg=there.lat_deg,
        lon_deg=there.lon_deg,
        heading_deg=10.0,
        speed_m_s=3.0,
        duration_s=26.0,
        hold_s=3.0,
        cue=PlanCue("ab" * 32, 5),
        station="P1",
    )
    items = (*first.items[:4], item, *first.items[5:])
    return replace(plan, sorties=(replace(first, items=items), *plan.sorties[1:]))


def test_qgc_holds_the_nose_on_the_way(passing):
    route = route_of(passing, passing.sorties[0])
    around = surroundings_of(passing, route, None)
    items = json.loads(qgc_plan(passing, route, around))["mission"]["items"]
    told = [(i["command"], i["params"]) for i in items]
    commands = [c for c, _ in told]
    assert commands[5:13] == [178, 16, 115, 19, 115, 16, 115, 19]
    _, start, turn, stand, held, way, again, end = (p for _, p in told[5:13])
    assert turn[0] == held[0] == again[0] == 10.0
    assert stand[0] == 3.0
    assert start[4:] == stand[4:] != way[4:] == end[4:]
    assert end[0] == pytest.approx(26.0 - 3.0 - 20.0, abs=0.1)
    assert [i["doJumpId"] for i in items] == list(range(1, len(items) + 1))


def test_dji_speaks_from_the_start_to_the_end_with_a_fixed_nose(passing):
    route = route_of(passing, passing.sorties[0])
    audio = megaphone_file(passing.announcement.clip_sha256, None)
    archive = zipfile.ZipFile(io.BytesIO(wpml_kmz(passing, route, audio)))
    root = fromstring(archive.read("wpmz/waylines.wpml"))
    _, start, end, *_ = root.iter(KML + "Placemark")

    def done(mark):
        return [e.text for e in mark.iter(WPML + "actionActuatorFunc")]

    def said(mark, name):
        return [e.text for e in mark.iter(WPML + name)]

    assert done(start) == ["rotateYaw", "megaphone", "hover"]
    assert done(end) == ["hover", "megaphone"]
    assert said(start, "waypointHeadingMode") == ["fixed"]
    assert said(end, "waypointHeadingMode") == ["followWayline"]
    assert said(start, "megaphoneOperateType") == ["0"]
    assert said(end, "megaphoneOperateType") == ["1"]
    assert said(start, "megaphoneOperateLoop") == ["1"]
    assert said(end, "waypointSpeed") == ["3"]


def test_geojson_draws_the_way(passing):
    features = json.loads(plan_geojson(passing, passing.sorties[:1]))["features"]
    (way,) = [f for f in features if f["properties"]["kind"] == "pass"]
    start, end = passing.sorties[0].items[3:5]
    coordinates = way["geometry"]["coordinates"]
    assert [c[:2] for c in coordinates] == [
        [i.lon_deg, i.lat_deg] for i in (start, end)
    ]
    assert way["properties"]["repeats"] == 5
    assert way["properties"]["speed_m_s"] == 3.0
    assert way["properties"]["station"] == "P1"
    ids = [f["id"] for f in features]
    assert len(set(ids)) == len(ids)


def test_a_pass_from_nowhere_is_refused(passing):
    first = passing.sorties[0]
    alone = replace(first, items=first.items[4:])
    with pytest.raises(InputError, match="from nowhere"):
        route_of(passing, alone)
