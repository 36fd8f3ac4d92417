"""Rally points: whole metres of altitude, nearest one within the limit."""

import math

from simulators.geometry import Frame
from simulators.items import (
    GLOBAL,
    GLOBAL_INT,
    RELATIVE,
    RELATIVE_INT,
    TERRAIN,
    TERRAIN_INT,
    Refused,
    Stored,
    check_place,
)
from simulators.params import Params
from simulators.wire import Message, mavlink

_FRAMES = {
    GLOBAL: GLOBAL,
    GLOBAL_INT: GLOBAL,
    RELATIVE: RELATIVE,
    RELATIVE_INT: RELATIVE,
    TERRAIN: TERRAIN,
    TERRAIN_INT: TERRAIN,
}


class RallyStore:
    """The stored rally points."""

    mission_type = mavlink.MAV_MISSION_TYPE_RALLY
    label = "Rally"

    def __init__(self, params: Params, max_items: int) -> None:
        self.max_items = max_items
        self.items: list[Stored] = []
        self._params = params

    def count(self) -> int:
        """Points stored."""
        return len(self.items)

    def begin(self, count: int) -> None:
        """What lies beyond the new count is gone at once."""
        del self.items[count:]
        self._changed()

    def put(self, seq: int, item: Message, last_seq: int) -> None:
        """Replace or append one point."""
        if item.command != mavlink.MAV_CMD_NAV_RALLY_POINT:
            raise Refused(mavlink.MAV_MISSION_UNSUPPORTED)
        check_place(item.x, item.y)
        if not -32768 <= item.z <= 32767:
            raise Refused(mavlink.MAV_MISSION_INVALID_PARAM7)
        frame = _FRAMES.get(item.frame)
        if frame is None:
            raise Refused(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
        alt_cm = int(item.z) * 100
        point = Stored(
            item.command, (0.0, 0.0, 0.0, 0.0), item.x, item.y, alt_cm, frame
        )
        if seq > min(len(self.items), last_seq):
            raise Refused(mavlink.MAV_MISSION_ERROR)
        self.items[seq : seq + 1] = [point]
        self._changed()

    def complete(self) -> int:
        """All points are here."""
        return int(mavlink.MAV_MISSION_ACCEPTED)

    def clear(self) -> bool:
        """Forget all points."""
        self.begin(0)
        return True

    def read(self, seq: int) -> Stored:
        """One point."""
        if seq >= len(self.items):
            raise Refused(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        return self.items[seq]

    def nearest(self, frame: Frame, at: tuple[float, float]) -> Stored | None:
        """The nearest point, unless all lie beyond RALLY_LIMIT_KM."""
        best, best_m = None, math.inf
        for item in self.items:
            n, e = frame.to_ne(item.lat_e7, item.lon_e7)
            distance = math.hypot(n - at[0], e - at[1])
            if distance < best_m:
                best, best_m = item, distance
        limit_m = self._params["RALLY_LIMIT_KM"] * 1000
        return None if 0 < limit_m < best_m else best

    def _changed(self) -> None:
        self._params.put("RALLY_TOTAL", float(len(self.items)))
