"""A plan as GeoJSON: paths, stations, receivers, homes and the geofence."""

from itertools import pairwise
from typing import Any

from patrolctl.domain.plan import Plan, PlanReceiver, Sortie
from patrolctl.formats.exporting.route import Route, Waypoint, route_of
from patrolctl.sites.write import collection_bytes


def plan_geojson(plan: Plan, sorties: tuple[Sortie, ...]) -> bytes:
    """Encode sorties as a FeatureCollection for maps and GIS.

    The third coordinate is metres above mean sea level; ``up_m`` properties
    are above the site's ground.
    """
    features: list[dict[str, Any]] = []
    for sortie in sorties:
        route = route_of(plan, sortie)
        home = plan.home_of(sortie)
        place = [home.lon_deg, home.lat_deg, home.amsl_m]
        features += _sortie(route, place)
    stations = {s for sortie in sorties for i in sortie.items if (s := i.station)}
    whole = len(sorties) == len(plan.sorties)
    features += [
        _receiver(r, plan)
        for r in plan.receivers
        if whole or stations & set(r.stations)
    ]
    if plan.geofence:
        features.append(_geofence(plan))
    members = {"site": plan.site_id, "kind": plan.kind.value, "seed": plan.seed}
    return collection_bytes(members, features)


def _sortie(route: Route, home: list[float]) -> list[dict[str, Any]]:
    sortie = route.sortie
    line = [home] + [_position(w, home) for w in route.waypoints]
    if route.returns or not route.copter:
        line.append(home)
    features = [
        _feature(f"{sortie.id}-home", "home", _point(home), sortie=sortie.id),
        _feature(
            f"{sortie.id}-path",
            "path",
            {"type": "LineString", "coordinates": line},
            sortie=sortie.id,
            vehicle_kind=sortie.vehicle_kind.value,
            vehicle=sortie.vehicle,
            duration_s=sortie.duration_s,
            distance_m=sortie.distance_m,
            energy_ratio=sortie.energy_ratio,
            loops=sortie.loops,
        ),
    ]
    features += [
        _feature(
            f"{sortie.id}-{w.plan_seq}",
            "station",
            _point(_position(w, home)),
            sortie=sortie.id,
            station=w.station,
            up_m=round(w.up_m, 2),
            heading_deg=w.heading_deg,
            duration_s=w.stay_s,
            clip_sha256=w.cue.clip_sha256 if w.cue else None,
            repeats=w.cue.repeats if w.cue else None,
        )
        for w in route.waypoints
        if w.stay_s is not None and not w.passing
    ]
    features += [
        _feature(
            f"{sortie.id}-{after.plan_seq}-pass",
            "pass",
            {
                "type": "LineString",
                "coordinates": [_position(before, home), _position(after, home)],
            },
            sortie=sortie.id,
            station=after.station,
            heading_deg=after.heading_deg,
            speed_m_s=after.speed_m_s,
            repeats=before.cue.repeats if before.cue else None,
        )
        for before, after in pairwise(route.waypoints)
        if after.passing
    ]
    return features


def _position(w: Waypoint, home: list[float]) -> list[float]:
    position = w.position
    return [position.lon_deg, position.lat_deg, round(home[2] + w.up_m, 2)]


def _receiver(r: PlanReceiver, plan: Plan) -> dict[str, Any]:
    place = [r.lon_deg, r.lat_deg, round(plan.home.amsl_m + r.up_m, 2)]
    return _feature(
        f"receiver-{r.id}",
        "receiver",
        _point(place),
        receiver=r.id,
        building_id=r.building_id,
        floor=r.floor,
        up_m=r.up_m,
        sti=r.sti,
        level_db=r.level_db,
        reached=r.reached,
        stations=list(r.stations),
        reason=r.reason,
    )


def _geofence(plan: Plan) -> dict[str, Any]:
    ring = [[lon, lat] for lat, lon in plan.geofence or ()]
    closed = ring if ring[0] == ring[-1] else [*ring, ring[0]]
    shape = {"type": "Polygon", "coordinates": [closed]}
    return _feature("geofence", "geofence", shape)


def _point(place: list[float]) -> dict[str, Any]:
    return {"type": "Point", "coordinates": place}


def _feature(
    id_: str, kind: str, geometry: dict[str, Any], **properties: object
) -> dict[str, Any]:
    given = {k: v for k, v in properties.items() if v is not None}
    return {
        "type": "Feature",
        "id": id_,
        "properties": {"kind": kind, **given},
        "geometry": geometry,
    }
