"""Inline SVG: the map of a run, and a chart for each building's façade."""

from dataclasses import dataclass
from html import escape
from itertools import groupby

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.evidence import Evidence, ReceiverEvidence, TrackPoint
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site

Floats = npt.NDArray[np.float64]

# A colour-blind-safe pair (Okabe & Ito, 2008); misses are hatched as well.
REACHED = "#0072b2"
MISSED = "#d55e00"
HATCH = (
    '<defs><pattern id="miss" width="4" height="4" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="4" height="4" fill="#d55e00"/>'
    '<line x1="0" y1="0" x2="0" y2="4" stroke="#fff" stroke-width="1.4"/>'
    "</pattern></defs>"
)
MAP_WIDTH = 960.0
TRACK_POINTS = 4000


@dataclass(frozen=True, slots=True)
class _View:
    """Metres to drawing units."""

    west_m: float
    north_m: float
    scale: float

    def points(self, en_m: Floats) -> str:
        """The points of a path."""
        x = (en_m[:, 0] - self.west_m) * self.scale
        y = (self.north_m - en_m[:, 1]) * self.scale
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _rings(shape: BaseGeometry, view: _View) -> str:
    polygons = [p for p in shapely.get_parts(shape) if isinstance(p, Polygon)]
    rings = [r for p in polygons for r in (p.exterior, *p.interiors)]
    return "".join(f"M{view.points(shapely.get_coordinates(r))}Z" for r in rings)


def _share_colour(reached: int, receivers: int) -> str:
    """From the missed colour to the reached one; grey without receivers."""
    if not receivers:
        return "#c8c8c8"
    t = reached / receivers
    low, high = (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)
    mixed = [round(a + (b - a) * t) for a, b in zip(low, high, strict=True)]
    return "#" + "".join(f"{c:02x}" for c in mixed)


def draw_map(
    evidence: Evidence, plan: Plan, site: Site, tracks: tuple[TrackPoint, ...]
) -> str:
    """Buildings by the share reached, stations, and the flown path.

    Returns:
        One ``<svg>`` element; all names are escaped.
    """
    stations = _stations(plan, site)
    shapes: list[BaseGeometry] = [b.footprint for b in site.buildings]
    shapes += [shapely.Point(e, n) for _, e, n in stations]
    lines = _track_lines(tracks, site)
    shapes += [shapely.LineString(line) for _, line in lines]
    if not shapes:
        return "<p>The site has nothing to draw.</p>"
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    pad = 0.03 * max(east - west, north - south, 50.0)
    width, height = east - west + 2 * pad, north - south + 2 * pad
    scale = MAP_WIDTH / width
    view = _View(west - pad, north + pad, scale)
    body = [*_map_buildings(evidence, site, view)]
    for vehicle, line in lines:
        body.append(
            f'<polyline class="track" points="{view.points(line)}">'
            f"<title>{escape(vehicle)}, flown</title></polyline>"
        )
    for name, e, n in stations:
        at = view.points(np.array([[e, n]])).split(",")
        body.append(
            f'<circle class="station" cx="{at[0]}" cy="{at[1]}" r="4">'
            f"<title>{escape(name)}</title></circle>"
        )
    return (
        f'<svg viewBox="0 0 {MAP_WIDTH:.0f} {height * scale:.0f}" role="img"'
        ' aria-label="Map: buildings by the share of receivers reached">'
        f"{''.join(body)}</svg>"
    )


def _map_buildings(evidence: Evidence, site: Site, view: _View) -> list[str]:
    counts = {b.building_id: b for b in evidence.buildings}
    drawn = []
    for b in site.buildings:
        count = counts.get(b.id)
        reached, of = (count.reached, count.receivers) if count else (0, 0)
        label = f"{b.name or b.id}: {reached} of {of} receivers reached"
        drawn.append(
            f'<path class="building" fill="{_share_colour(reached, of)}"'
            f' d="{_rings(b.footprint, view)}"><title>{escape(label)}</title></path>'
        )
    return drawn


def _stations(plan: Plan, site: Site) -> list[tuple[str, float, float]]:
    return [
        (str(i.station), *site.frame.point_en(i.position))
        for s in plan.sorties
        for i in s.items
        if i.station is not None and i.cue is not None
    ]


def _track_lines(
    tracks: tuple[TrackPoint, ...], site: Site
) -> list[tuple[str, Floats]]:
    by_vehicle: dict[str, list[TrackPoint]] = {}
    for p in tracks:
        by_vehicle.setdefault(p.vehicle_id, []).append(p)
    lines = []
    for vehicle, points in sorted(by_vehicle.items()):
        points.sort(key=lambda p: p.ts_utc)
        thin = points[:: max(1, len(points) // TRACK_POINTS)]
        lat = np.array([p.lat_deg for p in thin])
        lon = np.array([p.lon_deg for p in thin])
        if len(thin) > 1:
            lines.append((vehicle, site.frame.to_en(lat, lon)))
    return lines


def draw_facade(rows: tuple[ReceiverEvidence, ...]) -> str:
    """Floors upwards, receivers along the façade; alike neighbours as one bar.

    Returns:
        One ``<svg>`` element.
    """
    floors: dict[int, list[ReceiverEvidence]] = {}
    for r in rows:
        floors.setdefault(r.floor if r.floor is not None else 0, []).append(r)
    most = max(len(f) for f in floors.values())
    top = max(floors)
    cell, tall, left = max(2.0, min(12.0, 420.0 / most)), 9.0, 26.0
    height = (top - min(floors) + 1) * tall + 4
    body = []
    for floor, found in sorted(floors.items()):
        y = (top - floor) * tall + 2
        if floor % 5 == 0 or floor in {top, min(floors)}:
            body.append(f'<text x="{left - 4}" y="{y + 7.5}">{floor}</text>')
        x = left
        for state, run in groupby(found, key=_state):
            n = len(list(run))
            body.append(
                f'<rect class="{state}" x="{x:.1f}" y="{y}" width="{n * cell:.1f}"'
                f' height="{tall - 1}"><title>floor {floor}: {n} {_WORDS[state]}'
                "</title></rect>"
            )
            x += n * cell
    width = left + most * cell + 2
    return (
        f'<svg class="facade" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}">{"".join(body)}</svg>'
    )


_WORDS = {"hit": "reached", "miss": "missed", "out": "not planned"}


def _state(r: ReceiverEvidence) -> str:
    if r.reached:
        return "hit"
    return "miss" if r.planned else "out"
