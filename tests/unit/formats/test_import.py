"""``site import``: small sources of our own, each with its own trouble."""

import io
import json
import math
import stat
import zipfile

import pytest

from patrolctl.domain.errors import SiteError
from patrolctl.formats import import_site
from patrolctl.sites import with_defaults


def box(lon, lat, dx=0.0003, dy=0.0002):
    ring = [[lon, lat], [lon + dx, lat], [lon + dx, lat + dy], [lon, lat + dy]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def feature(geometry, id_=None, **properties):
    given = {} if id_ is None else {"id": id_}
    return {"type": "Feature", **given, "properties": properties, "geometry": geometry}


@pytest.fixture
def write(tmp_path):
    def write_geojson(*features, name="in.geojson"):
        path = tmp_path / name
        document = {"type": "FeatureCollection", "features": list(features)}
        path.write_text(json.dumps(document))
        return path

    return write_geojson


def imported(*paths, **options):
    return import_site(paths, **options)


def by_id(result):
    return {b.id: b for b in result.site.buildings}


def test_heights_in_many_spellings(write):
    result = imported(
        write(
            feature(box(10.000, 50), "a", height=30),
            feature(box(10.001, 50), "b", height_m=20.5),
            feature(box(10.002, 50), "c", **{"building:levels": "7"}),
            feature(box(10.003, 50), "d", floors=4, name="House"),
            feature(box(10.004, 50), id=77, height="40'"),
        )
    )
    b = by_id(result)
    assert [b[i].height_m for i in "abcd"] == [30.0, 20.5, 21.0, 12.0]
    assert b["77"].height_m == pytest.approx(12.19)
    assert b["d"].name == "House"
    assert not any(x.height_assumed for x in b.values())
    assert result.warnings == ()


def test_unknown_heights_get_the_stated_default(write):
    result = imported(
        write(
            feature(box(10.000, 50), "a"),
            feature(box(10.001, 50), "b", height=20),
            feature(box(10.002, 50), "g", building="garage"),
        )
    )
    b = by_id(result)
    assert (b["a"].height_m, b["a"].floors, b["a"].height_assumed) == (9.0, 3, True)
    assert (b["g"].height_m, b["g"].floors, b["g"].residential) == (3.0, 1, False)
    (warning,) = result.warnings
    assert warning.startswith("2 of 3 buildings have neither height nor floors")
    assert '"height_assumed":true' in result.raw.decode()


def test_broken_outlines_are_repaired_or_dropped(write):
    bow_tie = box(10, 50, 0.001, 0.001)
    ring = bow_tie["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]
    opened = box(10.002, 50)
    opened["coordinates"][0].pop()
    result = imported(
        write(
            feature(bow_tie, "bow", height=9),
            feature(opened, "open", height=9),
            feature(box(10.003, 50, 1e-5, 1e-5), "sliver", height=9),
            feature(box(10.004, math.nan), "nan", height=9),
            feature({"type": "Polygon", "coordinates": [[[10, 50], [10, 50]]]}, "dot"),
            feature(None, "none"),
        )
    )
    assert set(by_id(result)) == {"bow", "open"}
    text = "\n".join(result.warnings)
    assert "crossed themselves: 1 (bow)" in text
    assert "smaller than 4 m²: 1 (sliver)" in text
    assert "(nan): left out: has a position that is not a number" in text
    assert "(dot): left out" in text
    assert "(none): left out: has no geometry" in text


def test_duplicates_are_merged_and_the_known_height_stays(write):
    first = write(feature(box(10, 50), "a"), feature(box(10.001, 50), "b", height=9))
    second = write(
        feature(box(10.000001, 50), "other", height=25, name="Tower"),
        feature(box(10.002, 50), "b", height=12),
        name="more.geojson",
    )
    result = imported(first, second)
    b = by_id(result)
    assert set(b) == {"other", "b", "b-2"}
    assert b["other"].height_m == 25.0
    assert b["b-2"].height_m == 12.0
    assert any("same ground: 1 (a)" in w for w in result.warnings)


def test_parts_replace_their_outline_or_stand_beside_it(write):
    result = imported(
        write(
            feature(box(10, 50, 0.001, 0.001), "podium", kind="building", height=6),
            feature(box(10.0001, 50.0001), "tower", kind="building_part", height=60),
            feature(box(10.01, 50, 0.001, 0.001), "block", kind="building", height=30),
            feature(
                box(10.01, 50, 0.0005, 0.001), "west", kind="building_part", height=30
            ),
            feature(
                box(10.0105, 50, 0.0005, 0.001), "east", kind="building_part", height=20
            ),
            feature(box(10.02, 50), "alone", kind="building_part", height=10),
            feature(box(10.03, 50, 0.001, 0.001), "flat", kind="building"),
            feature(box(10.0301, 50.0001), "inner", kind="building_part", height=15),
        )
    )
    b = by_id(result)
    assert set(b) == {"podium", "tower", "west", "east", "alone", "flat"}
    assert b["flat"].height_m == 15.0
    assert b["podium"].height_m == 6.0


def test_roads_and_site_features_of_geojson(write):
    line = {"type": "LineString", "coordinates": [[10, 50.001], [10.002, 50.001]]}
    result = imported(
        write(
            feature(box(10, 50), "a", height=9),
            feature(line, "r1", highway="residential", oneway="-1", maxspeed="25 mph"),
            feature(line, "path", highway="footway"),
            feature({"type": "Point", "coordinates": [10.001, 50]}, "l", kind="launch"),
        )
    )
    (road,) = result.site.roads
    assert road.oneway
    assert road.line.coords[0][0] > road.line.coords[-1][0]  # turned round
    assert road.speed_limit_m_s == pytest.approx(11.18)
    assert result.site.launches[0].id == "l"


def test_the_area_keeps_whole_buildings_and_cuts_roads(write, tmp_path):
    line = {"type": "LineString", "coordinates": [[9.99, 50.0001], [10.01, 50.0001]]}
    source = write(
        feature(box(10, 50), "in", height=9),
        feature(box(10.0009, 50), "edge", height=9),
        feature(box(10.005, 50), "out", height=9),
        feature(line, "r", kind="road", oneway=True),
    )
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps(feature(box(9.999, 49.999, 0.002, 0.002))))
    result = imported(source, area=area)
    assert set(by_id(result)) == {"in", "edge"}
    (road,) = result.site.roads
    assert road.line.length == pytest.approx(143.4, abs=1.0)
    assert road.line.coords[0][0] < road.line.coords[-1][0]


OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
 <node id="1" lat="50.0000" lon="10.0000"/> <node id="2" lat="50.0000" lon="10.0010"/>
 <node id="3" lat="50.0010" lon="10.0010"/> <node id="4" lat="50.0010" lon="10.0000"/>
 <node id="5" lat="50.0003" lon="10.0003"/> <node id="6" lat="50.0003" lon="10.0007"/>
 <node id="7" lat="50.0007" lon="10.0007"/> <node id="8" lat="50.0007" lon="10.0003"/>
 <node id="11" lat="50.0020" lon="10.0000"/> <node id="12" lat="50.0020" lon="10.0010"/>
 <node id="13" lat="50.0025" lon="10.0010"/> <node id="14" lat="50.0025" lon="10.0000"/>
 <way id="20"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/></way>
 <way id="21"><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="8"/><nd ref="5"/></way>
 <way id="22"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/>
  <tag k="building" v="apartments"/><tag k="building:levels" v="9"/>
  <tag k="name" v="九号楼"/></way>
 <way id="23"><nd ref="11"/><nd ref="13"/><nd ref="12"/><nd ref="14"/><nd ref="11"/>
  <tag k="building" v="yes"/><tag k="height" v="77"/></way>
 <way id="24"><nd ref="4"/><nd ref="11"/><tag k="highway" v="residential"/>
  <tag k="oneway" v="-1"/><tag k="maxspeed" v="30"/></way>
 <way id="25"><nd ref="3"/><nd ref="12"/><tag k="highway" v="steps"/></way>
 <way id="26"><nd ref="3"/><nd ref="99"/><tag k="highway" v="service"/></way>
 <way id="27"><nd ref="1"/><nd ref="2"/><tag k="barrier" v="wall"/></way>
 <relation id="30"><member type="way" ref="20" role="outer"/>
  <member type="way" ref="21" role="inner"/><tag k="type" v="multipolygon"/>
  <tag k="building" v="yes"/><tag k="height" v="12 m"/></relation>
</osm>
"""


def test_openstreetmap(tmp_path):
    path = tmp_path / "town.osm"
    path.write_text(OSM, "utf-8")
    result = imported(path)
    b = by_id(result)
    assert set(b) == {"r30", "w22", "w23"}
    assert len(b["r30"].footprint.geoms[0].interiors) == 1
    assert b["r30"].height_m == 12.0
    assert (b["w22"].floors, b["w22"].name) == (9, "九号楼")
    assert b["w23"].footprint.is_valid
    (road,) = result.site.roads
    assert road.oneway
    assert road.line.coords[0][1] > road.line.coords[-1][1]
    assert any("1 ways reach beyond the extract" in w for w in result.warnings)
    assert "OpenStreetMap contributors" in result.raw.decode()


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document>
 <Placemark id="p1"><name>Block</name>
  <ExtendedData><Data name="floors"><value>6</value></Data></ExtendedData>
  <Polygon><outerBoundaryIs><LinearRing><coordinates>
   10,50,0 10.0003,50,0 10.0003,50.0002,0 10,50.0002,0 10,50,0
  </coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
 <Placemark><name>Tower</name>
  <Polygon><extrude>1</extrude><altitudeMode>relativeToGround</altitudeMode>
  <outerBoundaryIs><LinearRing><coordinates>
   10.001,50,45 10.0013,50,45 10.0013,50.0002,45 10.001,50,45
  </coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
 <Placemark><name>Street</name><LineString><coordinates>
   10,50.001 10.002,50.001</coordinates></LineString></Placemark>
 <Placemark id="fence"><ExtendedData><Data name="kind"><value>geofence</value></Data>
  </ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>
   9.99,49.99 10.01,49.99 10.01,50.01 9.99,50.01 9.99,49.99
  </coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
 <Placemark><name>broken</name><Point><coordinates>x,y</coordinates></Point></Placemark>
</Document></kml>
"""


def kmz(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_kml_and_kmz(tmp_path, packed):
    path = tmp_path / ("in.kmz" if packed else "in.kml")
    raw = KML.encode()
    path.write_bytes(kmz([("doc.kml", raw)]) if packed else raw)
    result = imported(path)
    heights = {b.name: b.height_m for b in result.site.buildings}
    assert heights == {"Block": 18.0, "Tower": 45.0}
    assert len(result.site.roads) == 1
    assert result.site.geofence is not None
    assert any("broken" in w and "x,y" in w for w in result.warnings)


XXE = """<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<kml><Placemark><name>&x;</name></Placemark></kml>"""
LAUGHS = """<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>
<kml>&b;</kml>"""


def link():
    info = zipfile.ZipInfo("doc.kml")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "raw", "word"),
    [
        ("x.kml", XXE.encode(), "DTD or entities"),
        ("x.kml", LAUGHS.encode(), "DTD or entities"),
        ("x.kml", b"<kml>", "is not XML"),
        ("x.kml", b"<gpx/>", "is XML of <gpx>"),
        ("x.kmz", b"no zip", "cannot be unpacked"),
        ("x.kmz", kmz([("a.txt", b"")]), "has no .kml"),
        ("x.kmz", kmz([("../../doc.kml", b"<kml/>")]), "points out of the archive"),
        ("x.kmz", kmz([("/doc.kml", b"<kml/>")]), "points out of the archive"),
        ("x.kmz", kmz([("c:/doc.kml", b"<kml/>")]), "points out of the archive"),
        ("x.kmz", kmz([(link(), b"/etc/passwd")]), "is a symbolic link"),
        ("x.kmz", kmz([("doc.kml", b" " * 9_000_000)]), "zip bomb"),
        ("x.kmz", kmz([("doc.kml", b" " * 70_000_000)]), "unpacks to 67 MiB"),
        ("x.kmz", kmz([(f"{i}.kml", b"") for i in range(1001)]), "1001 entries"),
        ("x.osm", b"<osm", "cannot be read as OpenStreetMap data"),
        ("x.osm.pbf", b"\0\0\0\0garbage", "cannot be read as OpenStreetMap data"),
        ("x.geojson", b"[", "is not JSON"),
        ("x.geojson", b"{}", "is no GeoJSON FeatureCollection"),
        ("x.shp", b"", "is of an unknown format"),
    ],
)
def test_bad_sources(tmp_path, name, raw, word):
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(SiteError) as caught:
        imported(path)
    assert len(caught.value.faults) == 1
    assert str(path) in str(caught.value)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("{", "is not JSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "has no polygon"),
        ('{"type": "FeatureCollection", "features": []}', "has no polygon"),
        (
            '{"type": "Polygon", "coordinates": [[[0,0],[1,1],[1,0],[0,1],[0,0]]]}',
            "is no area",
        ),
    ],
)
def test_bad_areas(write, tmp_path, raw, word):
    area = tmp_path / "area.geojson"
    area.write_text(raw)
    with pytest.raises(SiteError, match=word):
        imported(write(feature(box(10, 50), height=9)), area=area)


def test_nothing_in_the_area(write, tmp_path):
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps(box(20, 50)))
    with pytest.raises(SiteError, match="no building and no road in the area"):
        imported(write(feature(box(10, 50), height=9)), area=area)


def test_swapped_axes_are_refused(write):
    with pytest.raises(SiteError, match="swapped"):
        imported(write(feature(box(40.7, -73.98), height=9)))


def test_an_import_can_be_planned_on(write):
    boxes = [feature(box(10 + 0.001 * i, 50), height=9) for i in range(4)]
    site, said = with_defaults(imported(write(*boxes)).site)
    assert site.geofence is not None
    assert site.launches
    assert len(said) == 2


def test_the_command(write, run, tmp_path):
    source = write(feature(box(10, 50), "a", height=9), feature(box(10.001, 50), "b"))
    out = tmp_path / "new" / "site.geojson"
    code, stdout, err = run("site", "import", source, "-o", out, "--json")
    assert code == 0
    assert json.loads(stdout)["heights_assumed"] == 1
    assert "warning: 1 of 2 buildings" in err
    assert run("site", "check", out)[0] == 0
    code, _, err = run("site", "import", tmp_path / "absent.osm", "-o", out)
    assert code == 2
    assert "does not exist" in err
    assert run("site", "import", "-o", out)[0] == 2
