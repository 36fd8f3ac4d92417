"""Do the coordinates describe one place? Finds swapped axes and strays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.sites.faults import FaultList

Floats = npt.NDArray[np.float64]

MAX_SPAN_M = 30_000.0
_METRES_PER_DEG = 111_320.0
_SOUTHERNMOST_HOMES_DEG = -56.0  # Puerto Toro, the southernmost village, is at −55
_NORTHERNMOST_HOMES_DEG = 79.0  # Ny-Ålesund is at 78.9
_SQUARE_DEG = 5.0
_MIN_CORNERS = 12
_MIN_EDGE_M = 3.0
_RIGHT = "[longitude, latitude], longitude first"


@dataclass(frozen=True, slots=True)
class Placed:
    """A feature's shape in degrees with its name for faults."""

    place: str
    kind: str
    shape: BaseGeometry


def check_axes(placed: list[Placed], faults: FaultList) -> None:
    """Note features, or the whole file, whose axes seem to be swapped.

    Three independent signs: latitudes where nobody lives; features that lie
    far from the rest and would not if they were swapped; and buildings whose
    corners are square only when they are read the other way round.
    """
    if not placed:
        return
    centres = np.array([_centre(p.shape) for p in placed])
    middle = np.median(centres, axis=0)
    if _nobody_lives(middle[1]) and not _nobody_lives(middle[0]):
        what = f"lies at latitude {middle[1]:.3f}, where nobody lives"
        faults.add("", f"{what}: the axes look swapped", _RIGHT)
        return
    _check_strays(placed, centres, middle, faults)
    straight = square_share(placed, swapped=False)
    swapped = square_share(placed, swapped=True)
    if straight is not None and swapped is not None and swapped > straight + 0.4:
        faults.add(
            "",
            f"only {straight:.0%} of the buildings' corners are square, but "
            f"{swapped:.0%} would be with the axes swapped",
            _RIGHT,
        )


def _check_strays(
    placed: list[Placed], centres: Floats, middle: Floats, faults: FaultList
) -> None:
    away_m = _distance_m(centres, middle)
    swapped_away_m = _distance_m(centres[:, ::-1], middle)
    for i in np.flatnonzero(away_m > MAX_SPAN_M):
        km = f"lies {away_m[i] / 1000:.0f} km from the rest of the site"
        place = f"{placed[i].place}: geometry"
        if swapped_away_m[i] <= MAX_SPAN_M:
            faults.add(place, f"{km}: its axes look swapped", _RIGHT)
        else:
            right = f"within {MAX_SPAN_M / 1000:.0f} km; one file is one site"
            faults.add(place, km, right)


def square_share(placed: list[Placed], *, swapped: bool) -> float | None:
    """Share of building corners within 5° of a right angle.

    The length of a degree of longitude shrinks with latitude, so a square
    house turned off the axes is a skewed one when it is read with latitude
    and longitude exchanged.

    Returns:
        A ratio, or None when there are too few corners to tell.
    """
    corners: list[Floats] = []
    for p in placed:
        if p.kind == "building":
            corners.extend(_corner_angles_deg(p.shape, swapped=swapped))
    angles = np.concatenate(corners) if corners else np.empty(0)
    if len(angles) < _MIN_CORNERS:
        return None
    return float(np.mean(np.abs(angles - 90.0) <= _SQUARE_DEG))


def _corner_angles_deg(shape: BaseGeometry, *, swapped: bool) -> list[Floats]:
    out = []
    for polygon in shapely.get_parts(shape):
        ring = shapely.get_coordinates(polygon.exterior)
        if swapped:
            ring = ring[:, ::-1]
        scale = np.array([np.cos(np.radians(ring[0, 1])), 1.0]) * _METRES_PER_DEG
        edges = np.diff(ring, axis=0) * scale
        lengths = np.hypot(edges[:, 0], edges[:, 1])
        edges, lengths = edges[lengths > _MIN_EDGE_M], lengths[lengths > _MIN_EDGE_M]
        if len(edges) < 3:
            continue
        cosine = np.sum(edges * np.roll(edges, -1, axis=0), axis=1)
        cosine /= lengths * np.roll(lengths, -1)
        angles = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
        out.append(angles[(angles > 20.0) & (angles < 160.0)])
    return out


def _centre(shape: BaseGeometry) -> tuple[float, float]:
    west, south, east, north = shape.bounds
    return (west + east) / 2, (south + north) / 2


def _distance_m(points: Floats, origin: Floats) -> Floats:
    d = points - origin
    d[:, 0] = (d[:, 0] + 180.0) % 360.0 - 180.0
    d[:, 0] *= np.cos(np.radians(origin[1]))
    return np.asarray(np.hypot(d[:, 0], d[:, 1]) * _METRES_PER_DEG)


def _nobody_lives(lat_deg: float) -> bool:
    return not _SOUTHERNMOST_HOMES_DEG < lat_deg < _NORTHERNMOST_HOMES_DEG
