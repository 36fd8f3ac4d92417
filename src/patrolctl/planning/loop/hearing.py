"""Who hears the announcement at the stops: people on the ground."""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Listening, Scene, Source, predict, scene_of
from patrolctl.domain.ids import ReceiverId, StationId
from patrolctl.domain.machines import ROVER_SPEAKER_UP_M, SpeakerProfile
from patrolctl.domain.plan import ItemType, PlanItem, PlanReceiver
from patrolctl.domain.site import Site, SitePoint
from patrolctl.planning.loop.order import LoopOrder

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EAR_UP_M = 1.5
FARTHEST_M = 250.0


def receivers_at(
    site: Site,
    points: tuple[SitePoint, ...],
    items: tuple[PlanItem, ...],
    order: LoopOrder,
    speaker: SpeakerProfile,
) -> tuple[PlanReceiver, ...]:
    """A receiver on the ground at each point, and what it gets.

    Args:
        site: the place.
        points: where people listen: sampling points, places along streets.
        items: all items driven; those that stay and play are sources.
        order: the requirement and the clip's spectrum.
        speaker: the vehicle's loudspeaker.

    Returns:
        One receiver a point, with the best of all stops.
    """
    stays = [i for i in items if i.type is ItemType.DWELL and i.cue is not None]
    if not points:
        return ()
    ears = np.array([(p.east_m, p.north_m, EAR_UP_M) for p in points])
    scene = scene_of(site)
    listening = Listening.of(order.requirement)
    outdoors = np.zeros(len(points), dtype=np.bool_)
    n = len(points)
    best_sti, best_db = np.full(n, -1.0), np.full(n, -np.inf)
    hears: list[list[StationId]] = [[] for _ in range(n)]
    seen = np.zeros(n, dtype=np.bool_)
    for stay in stays:
        east, north = site.frame.point_en(stay.position)
        source = Source(
            (east, north, ROVER_SPEAKER_UP_M),
            stay.heading_deg or 0.0,
            speaker,
            order.spectrum_db,
        )
        away = np.hypot(ears[:, 0] - east, ears[:, 1] - north)
        rows = in_view(scene, source, ears, np.flatnonzero(away <= FARTHEST_M))
        if not len(rows):
            continue
        got = predict(scene, source, ears[rows], outdoors[rows], listening)
        better = rows[got.sti > best_sti[rows]]
        best_db[better] = got.level_db[got.sti > best_sti[rows]]
        best_sti[rows] = np.maximum(best_sti[rows], got.sti)
        seen[rows] |= got.visible
        for k in rows[got.heard(order.requirement.sti_min)]:
            if stay.station is not None and stay.station not in hears[int(k)]:
                hears[int(k)].append(stay.station)
    need = order.requirement.sti_min
    return tuple(
        _receiver(site, p, (best_sti[k], best_db[k]), hears[k], (need, bool(seen[k])))
        for k, p in enumerate(points)
    )


def in_view(scene: Scene, source: Source, ears_m: Floats, rows: Ints) -> Ints:
    """Those of some listeners that see the loudspeaker.

    Only they can be reached, and sound bent round corners is dear to reckon.
    """
    if not len(rows):
        return rows
    clear = scene.visible(np.array([source.position_m]), ears_m[rows])[0]
    return np.asarray(rows[clear], dtype=np.int64)


def _receiver(
    site: Site,
    point: SitePoint,
    got: tuple[float, float],
    hears: list[StationId],
    need: tuple[float, bool],
) -> PlanReceiver:
    place = site.frame.point_latlon(point.east_m, point.north_m)
    sti, level = float(got[0]), float(got[1])
    reason = None
    if not hears:
        reason = (
            f"too faint at every stop: STI {max(sti, 0.0):.2f}, {need[0]:g} required"
            if need[1]
            else "a building stands between it and every stop within reach"
        )
    return PlanReceiver(
        id=ReceiverId(f"ground-{point.id}"),
        building_id=None,
        household=None,
        floor=None,
        lat_deg=place.lat_deg,
        lon_deg=place.lon_deg,
        up_m=EAR_UP_M,
        sti=round(sti, 4) if sti >= 0 else None,
        level_db=round(level, 2) if np.isfinite(level) else None,
        reached=bool(hears),
        stations=tuple(hears),
        reason=reason,
    )
