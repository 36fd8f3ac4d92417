"""QGroundControl ``.plan``.

Source: QGroundControl developer guide, Plan File Format (file version 1,
mission, geoFence and rallyPoints version 2). Order is latitude, longitude.
MAVSDK reads the same file and needs the ``geoFence`` and ``rallyPoints``
objects to be there even when they are empty.
"""

import json
from typing import Any

from patrolctl.domain.mission import Fence
from patrolctl.domain.plan import Plan
from patrolctl.formats.exporting.extras import Surroundings
from patrolctl.formats.exporting.route import Route, Waypoint
from patrolctl.geo import LatLon

# MAV_CMD and MAV_FRAME of common.xml; QGC stores the numbers.
_WAYPOINT, _LOITER_TIME, _RTL, _LAND, _TAKEOFF = 16, 19, 20, 21, 22
_CONDITION_YAW, _DO_JUMP, _DO_CHANGE_SPEED = 115, 177, 178
_FRAME_MISSION, _FRAME_RELATIVE = 2, 3
_ARDUPILOT, _QUADROTOR, _ROVER = 3, 2, 10
_ALTITUDE_RELATIVE = 1
_SPEED_STEP_M_S = 0.05


def qgc_plan(plan: Plan, route: Route, around: Surroundings) -> bytes:
    """Encode one sortie for QGroundControl.

    A station is a waypoint, a turn to its heading and a timed loiter; on the
    way of a pass the heading is held. Sound is not part of the format.

    Args:
        plan: gives home and speeds.
        route: the sortie.
        around: fence and rally points.
    """
    home = plan.home_of(route.sortie)
    items = _Items(plan)
    items.add_route(route)
    document = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "QGroundControl",
        "mission": {
            "version": 2,
            "firmwareType": _ARDUPILOT,
            "vehicleType": _QUADROTOR if route.copter else _ROVER,
            "globalPlanAltitudeMode": _ALTITUDE_RELATIVE,
            "cruiseSpeed": plan.vehicle.cruise_m_s,
            "hoverSpeed": plan.vehicle.cruise_m_s,
            "plannedHomePosition": [home.lat_deg, home.lon_deg, home.amsl_m],
            "items": items.items,
        },
        "geoFence": _fence(around.fence),
        "rallyPoints": {
            "version": 2,
            "points": [
                [p.lat_deg, p.lon_deg, route.return_up_m or 0.0] for p in around.rally
            ],
        },
    }
    return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


class _Items:
    """Mission items with QGC's numbering, which starts at 1 (0 is home)."""

    def __init__(self, plan: Plan) -> None:
        self.items: list[dict[str, Any]] = []
        self._plan = plan
        self._speed_m_s: float | None = None

    def add_route(self, route: Route) -> None:
        """All waypoints, the loops of a patrol, and the return."""
        loop_from = 1
        loops = route.sortie.loops
        # The last item of a sortie is gone through once, after all loops.
        jump_at = len(route.waypoints) - (0 if route.returns else 1)
        for index, point in enumerate(route.waypoints):
            if index == 1:
                loop_from = len(self.items) + 1
                self._speed_m_s = None  # said again, so that each loop hears it
            if index == jump_at:
                self._jump(loop_from, loops)
            self._waypoint(point)
        if route.returns:
            self._jump(loop_from, loops)
            self._add(_RTL, _FRAME_MISSION, [])

    def _jump(self, loop_from: int, loops: int) -> None:
        if loops > 1 and len(self.items) > loop_from:
            self._add(_DO_JUMP, _FRAME_MISSION, [loop_from, loops - 1])

    def _waypoint(self, point: Waypoint) -> None:
        if point.takeoff:
            self._place(_TAKEOFF, [0, 0, 0, None], point.position, point.up_m)
            return
        self._speed(point.speed_m_s)
        if point.land:
            self._place(_LAND, [0, 0, 0, None], point.position, 0.0)
            return
        if point.passing:
            self._yaw(point)
        self._place(_WAYPOINT, [0, 0, 0, None], point.position, point.up_m)
        if point.stay_s is None:
            return
        self._yaw(point)
        stay = [round(point.stay_s, 1), 0, 0, None]
        self._place(_LOITER_TIME, stay, point.position, point.up_m)

    def _yaw(self, point: Waypoint) -> None:
        if point.heading_deg is not None:
            # Direction 0 is the shorter way round, and the angle is absolute.
            self._add(_CONDITION_YAW, _FRAME_MISSION, [point.heading_deg % 360.0])

    def _speed(self, speed_m_s: float | None) -> None:
        if speed_m_s is None:
            return
        if (
            self._speed_m_s is None
            or abs(speed_m_s - self._speed_m_s) > _SPEED_STEP_M_S
        ):
            # Type 1 is ground speed; throttle −1 leaves it unchanged.
            self._add(_DO_CHANGE_SPEED, _FRAME_MISSION, [1, round(speed_m_s, 2), -1])
            self._speed_m_s = speed_m_s

    def _place(
        self, command: int, params: list[float | None], at: LatLon, up_m: float
    ) -> None:
        up_m = round(up_m, 2)
        item = self._item(
            command,
            _FRAME_RELATIVE,
            [*params, round(at.lat_deg, 8), round(at.lon_deg, 8), up_m],
        )
        item |= {
            "Altitude": up_m,
            "AltitudeMode": _ALTITUDE_RELATIVE,
            "AMSLAltAboveTerrain": None,
        }
        self.items.append(item)

    def _add(self, command: int, frame: int, params: list[float]) -> None:
        padded: list[float | None] = [*params, *[0.0] * (7 - len(params))]
        self.items.append(self._item(command, frame, padded))

    def _item(
        self, command: int, frame: int, params: list[float | None]
    ) -> dict[str, Any]:
        return {
            "type": "SimpleItem",
            "autoContinue": True,
            "command": command,
            "doJumpId": len(self.items) + 1,
            "frame": frame,
            "params": params,
        }


def _fence(fence: Fence | None) -> dict[str, Any]:
    polygons = []
    if fence is not None:
        rings = [(fence.inclusion, True)] + [(r, False) for r in fence.exclusions]
        polygons = [
            {
                "version": 1,
                "inclusion": inside,
                "polygon": [[p.lat_deg, p.lon_deg] for p in ring],
            }
            for ring, inside in rings
        ]
    return {"version": 2, "polygons": polygons, "circles": []}
