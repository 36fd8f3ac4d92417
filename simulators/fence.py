"""Fence items, their validation, and the check for breaches.

Source: AC_Fence.cpp, AC_PolyFence_loader.cpp, MissionItemProtocol_Fence.cpp.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.geometry import Frame, edge_distance_m, inside
from simulators.items import (
    GLOBAL,
    GLOBAL_INT,
    RELATIVE,
    RELATIVE_INT,
    TERRAIN,
    TERRAIN_INT,
    Refused,
    Stored,
)
from simulators.params import Params
from simulators.wire import Message, mavlink

ALT_MAX, CIRCLE, POLYGON, ALT_MIN = 1, 2, 4, 8
BACKUP_M = 20.0  # AC_FENCE_ALT_MAX_BACKUP_DISTANCE and _CIRCLE_RADIUS_
GIVE_UP_M = 100.0  # AC_FENCE_GIVE_UP_DISTANCE
NAMES = ((ALT_MAX, "Max Alt"), (CIRCLE, "Circle"), (POLYGON, "Polygon"))

_FRAMES = frozenset({GLOBAL, GLOBAL_INT, RELATIVE, RELATIVE_INT, TERRAIN, TERRAIN_INT})
_INCLUSION = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
_EXCLUSION = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION
_CIRCLE_IN = mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION
_CIRCLE_OUT = mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION
_RETURN = mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT

Text = Callable[[int, str], None]
Ring = tuple[tuple[float, float], ...]


class FenceStore:
    """The stored fence; an upload replaces it only when it is whole."""

    mission_type = mavlink.MAV_MISSION_TYPE_FENCE
    label = "Fence"

    def __init__(
        self, params: Params, text: Text, *, max_items: int, max_bytes: int
    ) -> None:
        self.max_items = max_items
        self._max_bytes = max_bytes
        self.items: tuple[Stored, ...] = ()
        self.version = 0
        self._params = params
        self._text = text
        self._coming: list[Stored | None] = []
        self._whole = 0

    def count(self) -> int:
        """Items stored."""
        return len(self.items)

    def begin(self, count: int) -> None:
        """Room for a new fence; the old one still holds."""
        self._coming = [None] * count

    def put(self, seq: int, item: Message, last_seq: int) -> None:
        """Take one item, or refuse it."""
        if not self._coming:  # a partial write starts from what is there
            self._coming = list(self.items)
        if seq >= len(self._coming) or seq > last_seq:
            raise Refused(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        self._coming[seq] = _convert(item)

    def complete(self) -> int:
        """Check the whole and put it in force."""
        coming = [item for item in self._coming if item is not None]
        self._coming = []
        fault = _fault_of(coming)
        if fault is not None:
            self._text(4, fault)
            self._text(4, "Fence validation failed")
            return int(mavlink.MAV_MISSION_ERROR)
        if _bytes_of(coming) > self._max_bytes:
            self._text(4, "Fence exceeds storage size")
            return int(mavlink.MAV_MISSION_ERROR)
        self._write(tuple(coming))
        return int(mavlink.MAV_MISSION_ACCEPTED)

    def clear(self) -> bool:
        """Forget the fence."""
        self._write(())
        return True

    def read(self, seq: int) -> Stored:
        """One item as it is read back: frame 0, no altitude."""
        if seq > len(self.items):
            raise Refused(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        if seq == len(self.items):
            raise Refused(mavlink.MAV_MISSION_ERROR)
        return self.items[seq]

    def _write(self, items: tuple[Stored, ...]) -> None:
        self.items = items
        self.version += 1
        points = sum(item.command != _RETURN for item in items)
        self._params.put("FENCE_TOTAL", 0 if points < 3 else points + 2)
        self._text(7, "Fence Indexed OK")


def _convert(item: Message) -> Stored:
    if item.frame not in _FRAMES:
        raise Refused(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    p1 = 0.0
    if item.command in (_INCLUSION, _EXCLUSION):
        if item.param1 > 255:
            raise Refused(mavlink.MAV_MISSION_INVALID_PARAM1)
        p1 = float(int(item.param1) & 0xFF)
    elif item.command in (_CIRCLE_IN, _CIRCLE_OUT):
        whole = int(item.param1)
        p1 = float(whole) if item.param1 - whole < 0.001 else item.param1
    elif item.command != _RETURN:
        raise Refused(mavlink.MAV_MISSION_UNSUPPORTED)
    return Stored(item.command, (p1, 0.0, 0.0, 0.0), item.x, item.y)


def _fault_of(items: list[Stored]) -> str | None:
    """What is wrong with a fence, in ArduPilot's words."""
    missing, want = 0, (0, 0.0)
    for item in items:
        if item.command in (_INCLUSION, _EXCLUSION):
            if item.params[0] < 3:
                return f"Invalid vertex count ({item.params[0]:.0f})"
            if missing == 0:
                missing, want = int(item.params[0]), (item.command, item.params[0])
            elif (item.command, item.params[0]) != want:
                return "Received incorrect vertex type"
            missing -= 1
        elif missing:
            return "Received incorrect type"
        fault = _fault_of_one(item)
        if fault is not None:
            return fault
    return "Incorrect item count" if missing else None


def _fault_of_one(item: Stored) -> str | None:
    if item.command in (_CIRCLE_IN, _CIRCLE_OUT) and item.params[0] <= 0:
        return "Non-positive circle radius"
    if abs(item.lat_e7) > 900_000_000 or abs(item.lon_e7) > 1_800_000_000:
        return "Bad lat or lon"
    return None


def _bytes_of(items: list[Stored]) -> int:
    """fence_storage_space_required: magic, headers and positions."""
    size, left = 4, 0
    for item in items:
        size += 8
        if item.command in (_INCLUSION, _EXCLUSION):
            if left == 0:
                left = int(item.params[0])
                size += 2
            left -= 1
        else:
            size += 1 if item.command == _RETURN else 5
    return size


@dataclass(slots=True)
class _Shapes:
    keep_in: list[Ring] = field(default_factory=list)
    keep_out: list[Ring] = field(default_factory=list)
    circles: list[tuple[float, float, float, bool]] = field(default_factory=list)


class FenceMonitor:
    """Which fences are enabled and which are breached."""

    def __init__(self, store: FenceStore, params: Params, frame: Frame) -> None:
        self._store = store
        self._params = params
        self._frame = frame
        self._version = -1
        self._shapes = _Shapes()
        self.enabled = 0
        self.breaches = 0
        self.breach_count = 0
        self.breach_time_ms = 0
        self.distance_m = 0.0
        self._alt_backup_m = 0.0
        self._circle_backup_m = 0.0
        self.boot()

    def boot(self) -> None:
        """FENCE_ENABLE decides at boot what is enabled."""
        self.breaches = 0
        self.enabled = self.configured if self._params["FENCE_ENABLE"] else 0

    @property
    def configured(self) -> int:
        """FENCE_TYPE."""
        return int(self._params["FENCE_TYPE"])

    @property
    def present(self) -> int:
        """Configured fences that exist."""
        mask = ALT_MAX | CIRCLE | ALT_MIN
        if any(item.command != _RETURN for item in self._store.items):
            mask |= POLYGON
        return self.configured & mask

    def enable(self, types: int, *, on: bool) -> None:
        """Enable or disable the configured fences among ``types``."""
        types &= self.configured
        self.enabled = self.enabled | types if on else self.enabled & ~types
        if not on:
            self.breaches &= ~types

    def check(
        self,
        north_m: float,
        east_m: float,
        *,
        home_distance_m: float,
        up_m: float,
        time_ms: int,
    ) -> int:
        """New breaches; ``up_m`` counts from home."""
        new = self._check_altitude(up_m) | self._check_circle(home_distance_m)
        new |= self._check_polygon(north_m, east_m)
        if new:
            self.breach_count = min(self.breach_count + 1, 65535)
            self.breach_time_ms = time_ms
        return new

    def margin_m(self, north_m: float, east_m: float) -> float:
        """Distance to the nearest polygon edge, negative outside."""
        rings = self._rings().keep_in
        if not rings or not self.enabled & POLYGON:
            return math.inf
        best = math.inf
        for ring in rings:
            distance = edge_distance_m(north_m, east_m, ring)
            best = min(best, distance if inside(north_m, east_m, ring) else -distance)
        for ring in self._rings().keep_out:
            distance = edge_distance_m(north_m, east_m, ring)
            best = min(best, -distance if inside(north_m, east_m, ring) else distance)
        return best

    def names(self, types: int) -> str:
        """How ArduPilot prints a set of fences."""
        named = [name for bit, name in NAMES if types & bit]
        return " and ".join(named) + " fence"

    def _check_altitude(self, up_m: float) -> int:
        if not self.enabled & ALT_MAX:
            return 0
        limit = self._params["FENCE_ALT_MAX"]
        if up_m < limit:
            self.breaches &= ~ALT_MAX
            self._alt_backup_m = 0.0
            return 0
        self.distance_m = up_m - limit
        if self.breaches & ALT_MAX and (
            self._alt_backup_m == 0 or up_m < self._alt_backup_m
        ):
            return 0
        self._alt_backup_m = up_m + BACKUP_M
        self.breaches |= ALT_MAX
        return ALT_MAX

    def _check_circle(self, distance: float) -> int:
        if not self.enabled & CIRCLE:
            return 0
        limit = self._params["FENCE_RADIUS"]
        if distance < limit:
            self.breaches &= ~CIRCLE
            self._circle_backup_m = 0.0
            return 0
        self.distance_m = distance - limit
        if self.breaches & CIRCLE and (
            self._circle_backup_m == 0 or distance < self._circle_backup_m
        ):
            return 0
        self._circle_backup_m = distance + BACKUP_M
        self.breaches |= CIRCLE
        return CIRCLE

    def _check_polygon(self, north_m: float, east_m: float) -> int:
        if not self.enabled & POLYGON or not self._store.items:
            return 0
        was = self.breaches & POLYGON
        if not self._outside(north_m, east_m):
            self.breaches &= ~POLYGON
            return 0
        self.distance_m = abs(self.margin_m(north_m, east_m))
        self.breaches |= POLYGON
        return 0 if was else POLYGON

    def _outside(self, north_m: float, east_m: float) -> bool:
        shapes = self._rings()
        if any(not inside(north_m, east_m, ring) for ring in shapes.keep_in):
            return True
        if any(inside(north_m, east_m, ring) for ring in shapes.keep_out):
            return True
        for n, e, radius, keep_in in shapes.circles:
            if (math.hypot(north_m - n, east_m - e) > radius) == keep_in:
                return True
        return False

    def _rings(self) -> _Shapes:
        if self._version == self._store.version:
            return self._shapes
        shapes, ring = _Shapes(), list[tuple[float, float]]()
        for item in self._store.items:
            n, e = self._frame.to_ne(item.lat_e7, item.lon_e7)
            if item.command in (_CIRCLE_IN, _CIRCLE_OUT):
                keep_in = item.command == _CIRCLE_IN
                shapes.circles.append((n, e, item.params[0], keep_in))
            elif item.command != _RETURN:
                ring.append((n, e))
                if len(ring) == int(item.params[0]):
                    keep_in = item.command == _INCLUSION
                    (shapes.keep_in if keep_in else shapes.keep_out).append(tuple(ring))
                    ring = []
        self._shapes, self._version = shapes, self._store.version
        return shapes
