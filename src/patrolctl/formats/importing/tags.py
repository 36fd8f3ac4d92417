"""Heights, floors, speeds and directions as mappers write them.

Source: OpenStreetMap wiki, Key:height, Key:building:levels, Key:maxspeed,
Key:oneway and Map features/Units.
"""

import math
import re
from collections.abc import Mapping

_FOOT_M = 0.3048
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_METRES = re.compile(rf"^{_NUMBER}\s*(m|meters?|metres?)?$", re.IGNORECASE)
_FEET = re.compile(
    rf"^{_NUMBER}\s*(?:'|ft|feet|foot)\s*(?:{_NUMBER}\s*(?:\"|in|'')?)?$"
)
_SPEED = re.compile(rf"^{_NUMBER}\s*(km/h|kmh|kph|mph|knots)?$", re.IGNORECASE)
_SPEED_UNITS = {"mph": 0.44704, "knots": 0.514444}
_HEIGHT_KEYS = ("height_m", "height", "building:height", "building_height")
_FLOOR_KEYS = (
    "floors",
    "building:levels",
    "building_levels",
    "num_floors",
    "levels",
    "stories",
    "storeys",
)
_BASE_KEYS = ("base_m", "min_height", "building:min_height")
_MIN_LEVEL_KEYS = ("min_level", "building:min_level")

NOT_HOMES = frozenset(
    {
        *("barn", "boathouse", "bridge", "bunker", "cabin", "canopy", "carport"),
        *("cathedral", "chapel", "church", "civic", "commercial", "college"),
        *("construction", "fire_station", "garage", "garages", "gasometer"),
        *("grandstand", "greenhouse", "guardhouse", "hangar", "hospital", "hut"),
        *("industrial", "kindergarten", "kiosk", "manufacture", "mosque", "museum"),
        *("office", "parking", "pavilion", "place_of_worship", "public", "retail"),
        *("riding_hall", "roof", "ruins", "school", "service", "shed", "shrine"),
        *("sports_centre", "sports_hall", "stable", "stadium", "storage_tank"),
        *("supermarket", "synagogue", "temple", "terminal", "toilets", "train_station"),
        *("transformer_tower", "transportation", "university", "warehouse"),
        *("water_tower", "shop", "store", "theatre", "cinema", "clinic", "government"),
    }
)
LOW_BUILDINGS = frozenset(
    {
        *("carport", "garage", "garages", "greenhouse", "guardhouse", "hut"),
        *("kiosk", "roof", "shed", "toilets"),
    }
)
_DRIVABLE = frozenset(
    {
        *("trunk", "primary", "secondary", "tertiary", "unclassified", "residential"),
        *("trunk_link", "primary_link", "secondary_link", "tertiary_link"),
        *("living_street", "service", "pedestrian", "road", "track"),
    }
)
_FORWARD = frozenset({"yes", "true", "1"})
_BACKWARD = frozenset({"-1", "reverse"})


def metres(value: object) -> float | None:
    """A length: ``12``, ``"12 m"``, ``"12,5"``, ``40'``, ``7'6"``; None if unclear."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    found = _METRES.match(text)
    if found:
        return _float(found[1])
    found = _FEET.match(text)
    if found:
        inches = _float(found[2]) if found[2] else 0.0
        return (_float(found[1]) + inches / 12.0) * _FOOT_M
    return None


def speed_m_s(value: object) -> float | None:
    """``"40"`` (km/h), ``"25 mph"``, ``"walk"``, or a number of km/h."""
    text = str(value).strip().lower()
    if text == "walk":
        return 5.0 / 3.6
    found = _SPEED.match(text)
    if found is None:
        return None
    speed = _float(found[1]) * _SPEED_UNITS.get(found[2] or "", 1.0 / 3.6)
    return speed if 0.0 < speed <= 60.0 else None


def height_of(tags: Mapping[str, object]) -> float | None:
    """Height of the top above ground, if it is given and possible."""
    height_m = _first_metres(tags, _HEIGHT_KEYS)
    return height_m if height_m is not None and 0.0 < height_m <= 1000.0 else None


def floors_of(tags: Mapping[str, object]) -> int | None:
    """Storeys above ground, if they are given and possible.

    ``"5;6"`` is a house of two heights: the higher one is taken.
    """
    for key in _FLOOR_KEYS:
        values = [metres(v) for v in str(tags.get(key, "")).split(";")]
        given = [v for v in values if v is not None and 0.5 <= v <= 250.0]
        if given:
            return max(1, round(max(given)))
    return None


def base_of(tags: Mapping[str, object], floor_height_m: float) -> float:
    """Height of the underside above ground; 0 unless it is given."""
    base_m = _first_metres(tags, _BASE_KEYS)
    if base_m is None:
        level = _first_metres(tags, _MIN_LEVEL_KEYS)
        base_m = None if level is None else level * floor_height_m
    return base_m if base_m is not None and base_m > 0.0 else 0.0


def underground(tags: Mapping[str, object]) -> bool:
    """Whether a building cannot be seen (or heard) from the air."""
    layer = metres(tags.get("layer"))
    negative = str(tags.get("layer", "")).strip().startswith("-")
    return (
        tags.get("location") == "underground"
        or negative
        or (layer is not None and layer < 0)
    )


def drivable(tags: Mapping[str, object]) -> bool:
    """Whether a patrol vehicle may use a way.

    Pedestrian streets count: patrols are invited to them. Private ones too:
    the streets of a gated estate are tagged so.
    """
    if tags.get("highway") not in _DRIVABLE or tags.get("area") == "yes":
        return False
    return tags.get("access") != "no" and tags.get("indoor") != "yes"


def direction_of(tags: Mapping[str, object]) -> int:
    """1 along the line only, −1 against it only, 0 both ways."""
    oneway = str(tags.get("oneway", "")).lower()
    if oneway in _FORWARD:
        return 1
    if oneway in _BACKWARD:
        return -1
    if oneway == "no":
        return 0
    return 1 if tags.get("junction") in ("roundabout", "circular") else 0


def _first_metres(tags: Mapping[str, object], keys: tuple[str, ...]) -> float | None:
    for key in keys:
        value = metres(tags.get(key))
        if value is not None:
            return value
    return None


def _float(text: str) -> float:
    return float(text.replace(",", "."))
