"""Makes footprints that a site accepts: repaired, merged, with a height."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.formats.importing.found import Footprint, area_m2
from patrolctl.formats.importing.parts import resolve_parts
from patrolctl.sites.faults import shown

DEFAULT_HEIGHT_M = 9.0
DEFAULT_FLOORS = 3
DEFAULT_LOW_HEIGHT_M = 3.0
MIN_AREA_M2 = 4.0
SAME_RATIO = 0.9
_GRID_DEG = 1e-8
_NAMED = 5


def clean(footprints: list[Footprint], warnings: list[str]) -> list[Footprint]:
    """Repair, merge and complete footprints; say what was done.

    Args:
        footprints: with shapes in (lon, lat) degrees.
        warnings: gets one line for each thing done, counted.

    Returns:
        Footprints with valid shapes, unique ids and heights.
    """
    kept = _repaired(footprints, warnings)
    kept = resolve_parts(kept, warnings)
    kept = _merged(kept, warnings)
    kept = _unique(kept)
    return _with_heights(kept, warnings)


def _repaired(footprints: list[Footprint], warnings: list[str]) -> list[Footprint]:
    if not footprints:
        return []
    raw = np.array([f.shape for f in footprints], dtype=object)
    broken = ~shapely.is_valid(raw)
    raw[broken] = [_polygonal(s) for s in shapely.make_valid(raw[broken])]
    raw = np.array([_polygonal(s) for s in shapely.set_precision(raw, _GRID_DEG)])
    small = area_m2(raw) < MIN_AREA_M2
    names = [f.id for f in footprints]
    _tell(warnings, "repaired, their outlines crossed themselves", broken, names)
    _tell(warnings, f"dropped, smaller than {MIN_AREA_M2:g} m²", small, names)
    return [
        replace(f, shape=shape)
        for f, shape, drop in zip(footprints, raw, small, strict=True)
        if not drop
    ]


def _polygonal(shape: BaseGeometry) -> BaseGeometry:
    """The areas of a shape; make_valid may leave lines and points behind."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = [p for p in shapely.get_parts(shape) if "Polygon" in p.geom_type]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _merged(footprints: list[Footprint], warnings: list[str]) -> list[Footprint]:
    """Of footprints that lie on each other keep one, the one with a height."""
    if len(footprints) < 2:
        return footprints
    shapes = np.array([f.shape for f in footprints], dtype=object)
    first, second = shapely.STRtree(shapes).query(shapes, "intersects")
    pairs = np.column_stack([first, second])[first < second]
    a, b = shapes[pairs[:, 0]], shapes[pairs[:, 1]]
    both = shapely.area(shapely.intersection(a, b))
    union = shapely.area(a) + shapely.area(b) - both
    same = pairs[both > SAME_RATIO * union]
    gone: dict[int, int] = {}
    for i, j in same.tolist():
        winner, loser = _better(footprints, _root(gone, i), _root(gone, j))
        if winner != loser:
            gone[loser] = winner
            _take_over(footprints[winner], footprints[loser])
    if gone:
        warnings.append(
            f"buildings merged with one on the same ground: {len(gone)} "
            f"({_some(footprints[i].id for i in sorted(gone))})"
        )
    return [f for i, f in enumerate(footprints) if i not in gone]


def _root(gone: dict[int, int], index: int) -> int:
    while index in gone:
        index = gone[index]
    return index


def _better(footprints: list[Footprint], i: int, j: int) -> tuple[int, int]:
    def known(f: Footprint) -> tuple[bool, bool, float]:
        return f.height_m is not None, f.floors is not None, f.height_m or 0.0

    return (j, i) if known(footprints[j]) > known(footprints[i]) else (i, j)


def _take_over(winner: Footprint, loser: Footprint) -> None:
    if loser.base_m < winner.base_m:  # it now reaches further down
        winner.base_m, winner.floors = loser.base_m, None
    winner.name = winner.name or loser.name
    winner.households = winner.households or loser.households


def _unique(footprints: list[Footprint]) -> list[Footprint]:
    """Two sources may number alike; the later one's id gets a tail."""
    used: set[str] = set()
    for f in footprints:
        f.id = free_id(f.id, used)
        used.add(f.id)
    return footprints


def free_id(name: str, used: set[str]) -> str:
    """The name, or the name with a number that is not in use."""
    free, number = name, 2
    while free in used:
        free, number = f"{name}-{number}", number + 1
    return free


def _with_heights(footprints: list[Footprint], warnings: list[str]) -> list[Footprint]:
    unknown = np.array([f.height_m is None and f.floors is None for f in footprints])
    for f, guess in zip(footprints, unknown, strict=True):
        if guess:
            f.height_m = DEFAULT_LOW_HEIGHT_M if f.low else DEFAULT_HEIGHT_M
            f.floors = 1 if f.low else DEFAULT_FLOORS
            f.floor_height_m, f.base_m, f.assumed = None, 0.0, True
    if unknown.any():
        warnings.append(
            f"{int(unknown.sum())} of {len(footprints)} buildings have neither height "
            f"nor floors: {DEFAULT_FLOORS} floors, {DEFAULT_HEIGHT_M:g} m assumed "
            f"({DEFAULT_LOW_HEIGHT_M:g} m for garages, sheds and the like), marked "
            "height_assumed"
        )
    return footprints


def _tell(
    warnings: list[str], what: str, which: npt.NDArray[np.bool_], names: list[str]
) -> None:
    if which.any():
        some = _some(names[int(i)] for i in np.flatnonzero(which))
        warnings.append(f"buildings {what}: {int(which.sum())} ({some})")


def _some(names: Iterable[str]) -> str:
    listed = [shown(n) for n in names]
    more = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" and {more} more" if more > 0 else "")
