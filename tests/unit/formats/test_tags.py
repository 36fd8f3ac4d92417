import pytest

from patrolctl.formats.importing import tags as t
from patrolctl.formats.importing.buildings import footprint_of


@pytest.mark.parametrize(
    ("text", "expected_m"),
    [
        (12, 12.0),
        ("12", 12.0),
        ("12 m", 12.0),
        ("12m", 12.0),
        ("12,5", 12.5),
        ("12.5 metres", 12.5),
        ("40'", 12.192),
        ("40 ft", 12.192),
        ("7'6\"", 2.286),
        ("tall", None),
        ("", None),
        ("-3", None),
        ("12 km", None),
        (True, None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_lengths(text, expected_m):
    assert t.metres(text) == (None if expected_m is None else pytest.approx(expected_m))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("36", 10.0),
        ("36 km/h", 10.0),
        ("25 mph", 11.176),
        ("10 knots", 5.14444),
        ("walk", 1.3889),
        ("none", None),
        ("RU:urban", None),
        (None, None),
    ],
)
def test_speeds(text, expected):
    want = None if expected is None else pytest.approx(expected, abs=1e-3)
    assert t.speed_m_s(text) == want


@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        ({}, 0),
        ({"oneway": "yes"}, 1),
        ({"oneway": "1"}, 1),
        ({"oneway": "-1"}, -1),
        ({"oneway": "reverse"}, -1),
        ({"junction": "roundabout"}, 1),
        ({"junction": "roundabout", "oneway": "no"}, 0),
    ],
)
def test_directions(tags, direction):
    assert t.direction_of(tags) == direction


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, True),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "service", "access": "no"}, False),
        ({"highway": "footway"}, False),
        ({"highway": "motorway"}, False),
        ({"highway": "pedestrian", "area": "yes"}, False),
        ({"barrier": "fence"}, False),
    ],
)
def test_drivable(tags, expected):
    assert t.drivable(tags) is expected


def building(**tags):
    return footprint_of("x", None, {k.replace("__", ":"): v for k, v in tags.items()})


def test_heights_floors_and_bases():
    b = building(height="40'", building__levels="4", min_height="3 m")
    assert (b.height_m, b.floors, b.base_m) == (pytest.approx(12.192), 4, 3.0)
    assert building(building__levels="5;6").floors == 6
    assert building(building__levels="2.5").floors == 2
    assert building(num_floors=9).floors == 9
    assert building(height="0").height_m is None
    assert building(building__levels="many").floors is None
    assert building(building__levels="9", min_level="2").base_m == 6.0


def test_floors_that_cannot_be_in_that_height_give_way():
    b = building(height="10", building__levels="12")
    assert (b.height_m, b.floors) == (10.0, None)


def test_homes_and_others():
    assert building(building="apartments").residential
    assert building(building="yes").residential
    assert not building(building="school").residential
    assert not building(building="yes", amenity="place_of_worship").residential
    assert not building(kind="building", kind_detail="hospital").residential
    assert building(building="garage").low
