"""A fair closes airspace while two drones fly: turned round, refused, planned round.

The real service over HTTP, simulated drones behind sockets. Whether a track or
a plan enters the area is reckoned here, in metres on a flat earth.
"""

import json
import math
import urllib.error
from datetime import datetime, timedelta

import pytest
from shapely import LineString, Point, Polygon

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]
HALF_M = 12.0


class Flat:
    """Metres east and north of a place, on its own arithmetic."""

    def __init__(self, lat_deg: float, lon_deg: float) -> None:
        self.lat, self.lon = lat_deg, lon_deg
        self.per_lat = 111_132.95 - 559.85 * math.cos(2 * math.radians(lat_deg))
        self.per_lon = 111_412.88 * math.cos(math.radians(lat_deg))

    def at(self, lat_deg: float, lon_deg: float) -> tuple[float, float]:
        return (lon_deg - self.lon) * self.per_lon, (lat_deg - self.lat) * self.per_lat

    def ring(self, east: float, north: float) -> list[tuple[float, float]]:
        """Longitude and latitude of a square's corners."""
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return [
            (
                self.lon + (east + a * HALF_M) / self.per_lon,
                self.lat + (north + b * HALF_M) / self.per_lat,
            )
            for a, b in signs
        ]

    def path(self, plan: dict, sortie: dict) -> LineString:
        home = sortie.get("home") or plan["home"]
        places = [self.at(home["lat_deg"], home["lon_deg"])]
        places += [self.at(i["lat_deg"], i["lon_deg"]) for i in sortie["items"]]
        return LineString(places)


def last_stop(plan: dict, flat: Flat) -> tuple[str, tuple[float, float]]:
    """Of the drone that has the farther one: its last stop, not on others' ways."""
    stops = []
    for sortie in plan["sorties"]:
        dwell = [i for i in sortie["items"] if i["cue"]][-1]
        at = flat.at(dwell["lat_deg"], dwell["lon_deg"])
        others = [flat.path(plan, s) for s in plan["sorties"] if s is not sortie]
        if min(Point(at).distance(o) for o in others) > 2 * HALF_M:
            stops.append((math.hypot(*at), sortie["vehicle"], at))
    _, vehicle, at = max(stops)
    return vehicle, at


def refusal(one, plan_id: str) -> str:
    """What a launch is refused with."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        one.ask("/runs", "POST", {"plan_id": plan_id})
    assert caught.value.code == 409
    return json.load(caught.value)["detail"]


def close(one, ring) -> dict:
    now = datetime.fromisoformat(one.ask("/vehicles")[0]["telemetry"]["ts_utc"])
    body = {
        "name": "Fair",
        "ring": ring,
        "from_utc": now.isoformat(),
        "until_utc": (now + timedelta(hours=12)).isoformat(),
        "reason": "police",
    }
    return one.ask("/conditions/no_fly", "POST", body)


def planned_anew(one) -> str:
    order = {"mission_id": one.mission.name, "kind": "drone", "time_limit_s": 4}
    job = one.ask("/plans", "POST", order)["job_id"]

    def done() -> dict | None:
        found = one.ask(f"/plans/jobs/{job}")
        return found if found["state"] in {"done", "failed"} else None

    found = one.until(done, 120, "the plan")
    assert found["state"] == "done", found["text"]
    return found["plan_id"]


def test_a_closed_area_turns_round_refuses_and_is_planned_round(stage, plan) -> None:
    one = stage(speedup=6)
    one.serve()
    document = json.loads(plan.read_text())
    flat = Flat(document["home"]["lat_deg"], document["home"]["lon_deg"])
    name, stop = last_stop(document, flat)
    ring = flat.ring(*stop)
    area = Polygon([flat.at(lat, lon) for lon, lat in ring])

    # It is on its way; its last stop is closed.
    run_id = one.launch()
    one.until(lambda: one.vehicles[name].up_m > 3.0, 120, "the flight")
    notice = close(one, ring)
    run, _ = one.see_through(run_id)
    by_vehicle = {s["vehicle_id"]: s for s in run["sorties"]}
    (other,) = {"drone-1", "drone-2"} - {name}
    assert by_vehicle[other]["phase"] == "FINISHED", json.dumps(run["sorties"])
    cut = by_vehicle[name]
    texts = [e["text"] for e in one.ask(f"/runs/{run_id}/events")]
    assert cut["phase"] == "ABORTED", texts
    assert "leads into closed airspace: Fair" in cut["cut"]
    told = one.ask(f"/runs/{run_id}/track")
    track = [p for p in told if p["vehicle_id"] == name]
    near = min(area.distance(Point(flat.at(p["lat_deg"], p["lon_deg"]))) for p in track)
    assert near > 3.0
    assert max(p["up_m"] for p in track) > 3.0
    assert one.launches() == {"drone-1": 1, "drone-2": 1}
    (alert,) = [a for a in one.ask("/alerts") if a["kind"] == "airspace"]
    assert (alert["vehicle_id"], alert["level"]) == (name, "urgent")
    audit = [(e["action"], e["detail"]) for e in one.ask("/audit")]
    assert any(a == "closed airspace" and run_id in d for a, d in audit)

    # The old plan is not launched again, and the reason is in the books.
    detail = refusal(one, "p1")
    assert f"notice:{notice['id']}" in detail
    assert "Fair" in detail
    action, text = next((e["action"], e["detail"]) for e in one.ask("/audit"))
    assert action == "launch refused"
    assert "Fair" in text

    # A new one keeps from it, by this reckoning and by the gate's.
    plan_id = planned_anew(one)
    anew = one.ask(f"/plans/{plan_id}")
    for sortie in anew["sorties"]:
        assert area.distance(flat.path(anew, sortie)) > 2.5, sortie["id"]
    assert anew["summary"]["reached"] > 0
    launched = one.ask("/runs", "POST", {"plan_id": plan_id})
    one.ask(f"/runs/{launched['id']}/return_home", "POST")
    one.see_through(launched["id"])
    one.kill()
