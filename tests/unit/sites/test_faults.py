"""Bad sites: one clear line a fault, exit code 2, never a traceback."""

import json
import math

import pytest

from patrolctl.domain.errors import SiteError
from patrolctl.sites import parse_site

SOURCE = "site.geojson"


def faults_of(raw):
    with pytest.raises(SiteError) as caught:
        parse_site(raw, source=SOURCE)
    return str(caught.value).split("\n")


def swap(coordinates):
    if isinstance(coordinates[0], list):
        return [swap(c) for c in coordinates]
    return [coordinates[1], coordinates[0], *coordinates[2:]]


def cross(doc):
    ring = doc.ring("a")
    ring[1], ring[2] = ring[2], ring[1]


def set_property(id_, **values):
    return lambda doc: doc[id_]["properties"].update(values)


def drop_property(id_, name):
    return lambda doc: doc[id_]["properties"].pop(name)


def set_position(value):
    def break_it(doc):
        doc.ring("a")[1] = value

    return break_it


def set_geometry(id_, geometry):
    return lambda doc: doc[id_].update(geometry=geometry)


LINE = {"type": "LineString", "coordinates": [[117.28, 34.2], [117.281, 34.2]]}
DOT = {"type": "LineString", "coordinates": [[117.28, 34.2], [117.28, 34.2]]}

CASES = [
    # what is broken, and what its one line must say
    ("no height", drop_property("a", "floors"), ["feature a", "height_m", "missing"]),
    ("crossing", cross, ["feature a", "crosses itself at lat 34.2001"]),
    (
        "swapped one",
        lambda d: d["a"].update(
            geometry={
                "type": "Polygon",
                "coordinates": swap(d["a"]["geometry"]["coordinates"]),
            }
        ),
        ["feature a", "axes look swapped", "longitude first"],
    ),
    ("unknown kind", set_property("a", kind="bilding"), ["'bilding'", "building"]),
    ("kind missing", drop_property("a", "kind"), ["properties.kind", "is missing"]),
    ("nan", set_position([117.28, math.nan]), ["feature a", "position 1", "nan"]),
    ("infinite", set_position([math.inf, 34.2]), ["feature a", "inf"]),
    ("beyond 180", set_position([181.0, 34.2]), ["feature a", "181.0", "±180"]),
    ("metres", set_position([556000.0, 3784000.0]), ["feature a", "metres"]),
    ("text position", set_position(["117.28", "34.2"]), ["feature a", "position 1"]),
    ("null position", set_position(None), ["feature a", "position 1", "None"]),
    ("one number", set_position([117.28]), ["feature a", "position 1"]),
    ("boolean position", set_position([True, 34.2]), ["feature a"]),
    (
        "far away",
        lambda d: d["r"].update(
            geometry={"type": "Point", "coordinates": [118.9, 34.2]}
        ),
        ["feature r", "km from the rest"],
    ),
    ("unclosed", lambda d: d.ring("a").pop(), ["feature a", "not closed", "repeat"]),
    ("short ring", lambda d: d.ring("a").__delitem__(slice(1, 3)), ["at least 4"]),
    (
        "no area",
        lambda d: d["a"]["geometry"]["coordinates"].__setitem__(
            0, [[117.28, 34.2], [117.281, 34.2], [117.28, 34.2], [117.28, 34.2]]
        ),
        ["feature a"],
    ),
    ("line as building", set_geometry("a", LINE), ["is a LineString", "Polygon"]),
    ("no geometry", set_geometry("a", None), ["feature a: geometry", "missing"]),
    (
        "empty ring",
        set_geometry("a", {"type": "Polygon", "coordinates": []}),
        ["rings"],
    ),
    ("no length", set_geometry("road", DOT), ["feature road", "no length"]),
    ("twice the id", lambda d: d["b"].update(id="a"), ["features[3]", "id is used"]),
    ("no id", lambda d: d["a"].pop("id"), ["features[2]: id", "is missing"]),
    ("odd id", lambda d: d["a"].update(id=["x"]), ["features[2]: id"]),
    ("no properties", lambda d: d["a"].update(properties=None), ["properties"]),
    ("not a feature", lambda d: d["a"].update(type="Thing"), ["has type Thing"]),
    ("height text", set_property("b", height_m="20 m"), ["height_m", "'20 m'"]),
    ("height zero", set_property("b", height_m=0), ["height_m", "is 0"]),
    ("height nan", set_property("b", height_m=math.nan), ["height_m", "nan"]),
    ("half floors", set_property("a", floors=2.5), ["floors", "whole number"]),
    ("base above top", set_property("b", base_m=30), ["base_m", "below height_m"]),
    ("too many floors", set_property("b", floors=15), ["floors", "need 30 m"]),
    ("residential text", set_property("a", residential="yes"), ["true or false"]),
    ("oneway text", set_property("road", oneway="yes"), ["oneway", "true or false"]),
    ("speed zero", set_property("road", speed_limit_m_s=0), ["speed_limit_m_s"]),
    ("no class", drop_property("z", "class"), ["class", "is missing", "sealed"]),
    ("bad class", set_property("z", **{"class": "open"}), ["class", "'open'"]),
    ("bad hours", set_property("z", quiet_hours="night"), ["quiet_hours", "22:00"]),
    ("vehicle kind", set_property("l", vehicle_kind="boat"), ["copter or rover"]),
    ("top below bottom", set_property("nf", bottom_m=60), ["top_m", "above bottom_m"]),
    ("obstacle height", drop_property("mast", "height_m"), ["mast", "height_m"]),
    (
        "launch indoors",
        set_geometry("l", {"type": "Point", "coordinates": [117.2801, 34.2001]}),
        ["feature l", "inside building a"],
    ),
    (
        "launch outside",
        set_geometry("l", {"type": "Point", "coordinates": [117.2780, 34.2001]}),
        ["feature l", "outside of the geofence"],
    ),
    (
        "launch in no-fly",
        set_geometry("l", {"type": "Point", "coordinates": [117.2826, 34.2016]}),
        ["feature l", "no-fly area nf"],
    ),
    (
        "two fences",
        lambda d: d.features.append({**d["fence"], "id": "f2"}),
        ["feature f2", "second geofence"],
    ),
    (
        "time zone",
        lambda d: d.members.update(time_zone="Mars/Base"),
        ["time_zone", "IANA"],
    ),
    ("ground", lambda d: d.members.update(ground_amsl_m="36"), ["ground_amsl_m"]),
    (
        "other crs",
        lambda d: d.members.update(
            crs={"type": "name", "properties": {"name": "EPSG:3857"}}
        ),
        ["crs", "WGS 84"],
    ),
]


@pytest.mark.parametrize(
    ("break_it", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_one_line_names_the_fault(doc, break_it, words):
    break_it(doc)
    lines = faults_of(doc.raw())
    assert len(lines) == 1, lines
    assert lines[0].startswith(SOURCE + ": ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"hello", "is not JSON (line 1, column 1"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"", "is not JSON"),
        (b"[1, 2]", "is a JSON array"),
        (b"null", "is a JSON null"),
        (b'{"type": "Feature"}', "is a Feature"),
        (b'{"type": "Topology"}', "is a Topology"),
        (b'{"type": "FeatureCollection"}', "no list of features"),
        (b'{"type": "FeatureCollection", "features": []}', "has no features"),
        (b'{"type": "FeatureCollection", "features": [1]}', "features[0]"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"type": "FeatureCollection", "x": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_documents_of_no_use(raw, word):
    lines = faults_of(raw)
    assert len(lines) == 1
    assert word in lines[0]


def test_all_faults_at_once(doc):
    doc["a"]["properties"].pop("floors")
    doc["b"]["properties"] = {"kind": "building", "height_m": -1, "households": "many"}
    doc["road"]["properties"]["oneway"] = 1
    doc["mast"]["geometry"] = {"type": "Point", "coordinates": [200, 34.2]}
    doc["mast"]["properties"].pop("height_m")
    lines = faults_of(doc.raw())
    assert len(lines) == 6
    assert {line.split(": ")[1] for line in lines} == {
        "feature a",
        "feature b",
        "feature road",
        "feature mast",
    }


def test_nothing_to_reach(doc):
    doc.features = [f for f in doc.features if f["id"] in ("fence", "l")]
    assert "nothing to reach" in faults_of(doc.raw())[0]


def test_a_million_vertices_are_refused(doc):
    n = 1_000_001
    line = [[117.28 + 1e-9 * i, 34.2] for i in range(n)]
    doc["road"]["geometry"]["coordinates"] = line
    (line,) = faults_of(doc.raw())
    assert "feature road" in line
    assert "1,000,000 vertices" in line


def test_hostile_ids_cannot_forge_lines_or_colours(doc):
    doc["a"]["id"] = "x\n\x1b[31msite.geojson: all is well"
    (line,) = faults_of(doc.raw())
    assert "\x1b" not in line


def turned(lon, lat, angle_deg, east_m=40.0, north_m=15.0):
    """A rectangle turned by an angle, in degrees of longitude and latitude."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    ring = []
    for x, y in ((0, 0), (east_m, 0), (east_m, north_m), (0, north_m), (0, 0)):
        east, north = x * c - y * s, x * s + y * c
        scale = 111_320 * math.cos(math.radians(lat))
        ring.append([lon + east / scale, lat + north / 111_320])
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize(
    ("lon", "lat"),
    [(37.6, 55.8), (24.9, 60.2), (-73.98, 40.73), (117.28, 34.2), (151.2, -33.9)],
    ids=["Moscow", "Helsinki", "New York", "Xuzhou", "Sydney"],
)
def test_a_whole_site_with_swapped_axes(doc, lon, lat):
    """Also where the swapped place exists: the houses' corners tell."""
    doc.features = []
    for i in range(8):
        doc.add(f"h{i}", "building", turned(lon + i * 0.001, lat, 15 + 7 * i), floors=5)
    parse_site(doc.raw(), source=SOURCE)
    for f in doc.features:
        f["geometry"]["coordinates"] = swap(f["geometry"]["coordinates"])
    assert all("swapped" in line for line in faults_of(doc.raw()))


def test_check_exits_with_2_and_no_traceback(doc, run, tmp_path):
    doc["a"]["properties"].pop("floors")
    path = tmp_path / "site.geojson"
    path.write_bytes(doc.raw())
    code, out, err = run("site", "check", path)
    assert (code, out) == (2, "")
    assert err.strip().split("\n") == [
        f"{path}: feature a: properties.height_m: is missing, and so is floors; "
        "metres above ground"
    ]


def test_check_json_carries_the_faults(doc, run, tmp_path):
    doc["a"]["properties"].pop("floors")
    path = tmp_path / "site.geojson"
    path.write_bytes(doc.raw())
    code, out, _ = run("site", "check", path, "--json")
    assert code == 2
    assert json.loads(out)["faults"][0]["place"].endswith(
        "feature a: properties.height_m"
    )


@pytest.mark.parametrize("name", ["absent.geojson", "."])
def test_unreadable_files(run, tmp_path, name):
    code, _, err = run("site", "check", tmp_path / name)
    assert code == 2
    assert len(err.strip().split("\n")) == 1
    assert "Traceback" not in err
