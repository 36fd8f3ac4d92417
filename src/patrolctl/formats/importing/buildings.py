"""Tags of any source to a Footprint."""

from collections.abc import Mapping

from shapely.geometry.base import BaseGeometry

from patrolctl.formats.importing import tags as t
from patrolctl.formats.importing.found import Footprint
from patrolctl.sites.faults import shown
from patrolctl.sites.kinds import FLOOR_HEIGHT_M, MIN_FLOOR_HEIGHT_M

_USE_KEYS = ("building", "building:use", "amenity", "kind_detail", "class", "subtype")


def footprint_of(
    id_: str, shape: BaseGeometry, tags: Mapping[str, object], *, part: bool = False
) -> Footprint:
    """Read height, floors and use; what is impossible counts as not given."""
    uses = {str(tags[k]) for k in _USE_KEYS if tags.get(k) is not None}
    residential = tags.get("residential")
    height_m, floors = t.height_of(tags), t.floors_of(tags)
    each_m = t.metres(tags.get("floor_height_m"))
    if each_m is not None and not MIN_FLOOR_HEIGHT_M <= each_m <= 20.0:
        each_m = None
    base_m = t.base_of(tags, each_m or FLOOR_HEIGHT_M)
    top_m = height_m or (floors or 0) * (each_m or FLOOR_HEIGHT_M)
    if base_m >= top_m:
        base_m = 0.0
    if height_m is not None and floors is not None:
        least_m = floors * (each_m or MIN_FLOOR_HEIGHT_M)
        if least_m > height_m - base_m:  # the two disagree; the height is measured
            floors, each_m = None, None
    return Footprint(
        id=id_,
        shape=shape,
        name=_name(tags),
        height_m=height_m,
        floors=floors,
        floor_height_m=each_m,
        base_m=base_m,
        residential=residential
        if isinstance(residential, bool)
        else not uses & t.NOT_HOMES,
        households=_households(tags),
        low=bool(uses & t.LOW_BUILDINGS),
        part=part,
    )


def _name(tags: Mapping[str, object]) -> str | None:
    name = tags.get("name")
    if isinstance(name, str) and name.strip():
        return shown(name.strip())
    number = tags.get("addr:housenumber") or tags.get("addr_housenumber")
    street = tags.get("addr:street") or tags.get("addr_street")
    return shown(f"{street} {number}") if number and street else None


def _households(tags: Mapping[str, object]) -> int | None:
    for key in ("households", "building:flats"):
        value = t.metres(tags.get(key))
        if value is not None and 0 <= value <= 100_000:
            return round(value)
    return None
