"""Parameters under ArduPilot 4.7-dev's names, types and defaults.

Only those that change what a simulator does or that a ground station asks
for. The battery and rover lines that differ from the firmware's defaults are
marked "airframe": a parameter file sets them, as copter.parm does for SITL.
"""

import math
from collections.abc import Iterator

from simulators.items import f32

INT8, INT16, INT32, REAL32 = 2, 4, 6, 9  # MAV_PARAM_TYPE as ArduPilot uses it

Table = dict[str, tuple[float, int]]

_COMMON: Table = {
    "MAV_SYSID": (1, INT16),
    "MAV_GCS_SYSID": (255, INT16),
    "ARMING_CHECK": (1, INT32),
    "FENCE_ENABLE": (0, INT8),
    "FENCE_ACTION": (1, INT8),
    "FENCE_RADIUS": (300, REAL32),
    "FENCE_MARGIN": (2, REAL32),
    "FENCE_TOTAL": (0, INT8),
    "FENCE_OPTIONS": (0, INT16),
    "RALLY_TOTAL": (0, INT8),
    "RALLY_LIMIT_KM": (0.3, REAL32),
    "RALLY_INCL_HOME": (1, INT8),
    "MIS_TOTAL": (0, INT16),
    "MIS_RESTART": (0, INT8),
    "MIS_OPTIONS": (0, INT16),
    "FS_GCS_ENABLE": (0, INT8),
    "FS_GCS_TIMEOUT": (5, REAL32),
    "BATT_MONITOR": (4, INT8),  # airframe
    "BATT_CAPACITY": (3300, INT32),
    "BATT_LOW_VOLT": (0, REAL32),
    "BATT_CRT_VOLT": (0, REAL32),
    "BATT_LOW_MAH": (660, REAL32),  # airframe: 20 %
    "BATT_CRT_MAH": (264, REAL32),  # airframe: 8 %
    "RELAY1_FUNCTION": (1, INT8),
    "STAT_RUNTIME": (0, INT32),
    "STAT_BOOTCNT": (1, INT16),
}

_COPTER: Table = {
    "BATT_FS_LOW_ACT": (2, INT8),  # airframe: RTL
    "BATT_FS_CRT_ACT": (1, INT8),  # airframe: land
    "FENCE_TYPE": (7, INT8),
    "FENCE_ALT_MAX": (100, REAL32),
    "FENCE_ALT_MIN": (-10, REAL32),
    "FENCE_AUTOENABLE": (0, INT8),
    "RTL_ALT": (1500, INT32),
    "RTL_ALT_FINAL": (0, INT16),
    "RTL_CLIMB_MIN": (0, INT16),
    "RTL_LOIT_TIME": (5000, INT32),
    "RTL_SPEED": (0, INT16),
    "RTL_ALT_TYPE": (0, INT8),
    "WPNAV_SPEED": (1000, REAL32),
    "WPNAV_SPEED_UP": (250, REAL32),
    "WPNAV_SPEED_DN": (150, REAL32),
    "WPNAV_RADIUS": (200, REAL32),
    "WPNAV_ACCEL": (250, REAL32),
    "WPNAV_ACCEL_Z": (100, REAL32),
    "WP_YAW_BEHAVIOR": (2, INT8),
    "LAND_SPEED": (50, INT16),
    "LAND_SPEED_HIGH": (0, INT16),
    "LAND_ALT_LOW": (1000, INT16),
    "PILOT_SPEED_UP": (250, INT16),
    "DISARM_DELAY": (10, INT8),
    "FS_THR_ENABLE": (1, INT8),
    "FS_EKF_ACTION": (1, INT8),
    "FS_OPTIONS": (16, INT32),
    "AUTO_OPTIONS": (0, INT32),
    "FRAME_CLASS": (1, INT8),
    "FRAME_TYPE": (0, INT8),
    "GUID_TIMEOUT": (3, REAL32),
}

_ROVER: Table = {
    "RELAY2_FUNCTION": (1, INT8),  # airframe
    "FENCE_TYPE": (6, INT8),
    "BATT_FS_LOW_ACT": (1, INT8),  # airframe: RTL
    "BATT_FS_CRT_ACT": (2, INT8),  # airframe: hold
    "WP_SPEED": (2, REAL32),
    "WP_RADIUS": (2, REAL32),
    "WP_PIVOT_ANGLE": (60, INT16),
    "CRUISE_SPEED": (2, REAL32),
    "RTL_SPEED": (0, REAL32),
    "TURN_RADIUS": (0.9, REAL32),
    "ATC_ACCEL_MAX": (1, REAL32),
    "ATC_DECEL_MAX": (0, REAL32),
    "ATC_STR_RAT_MAX": (120, REAL32),
    "FS_ACTION": (2, INT8),
    "FS_TIMEOUT": (1.5, REAL32),
    "FS_THR_ENABLE": (1, INT8),
    "FS_EKF_ACTION": (2, INT8),
    "FS_OPTIONS": (0, INT32),
    "MIS_DONE_BEHAVE": (0, INT8),
    "AVOID_ENABLE": (3, INT8),
}

TABLES: dict[str, Table] = {
    "copter": {**_COMMON, **_COPTER},
    "rover": {**_COMMON, **_ROVER},
}

READ_ONLY = frozenset({"MIS_TOTAL", "FENCE_TOTAL", "RALLY_TOTAL", "STAT_RUNTIME"})


class Params:
    """One vehicle's parameters, kept through reboots."""

    def __init__(self, kind: str, sysid: int) -> None:
        self._values = {name: f32(v) for name, (v, _) in TABLES[kind].items()}
        self._types = {name: t for name, (_, t) in TABLES[kind].items()}
        self._names = sorted(self._values)
        self._values["MAV_SYSID"] = float(sysid)
        self._saved: list[tuple[str, float]] = []

    def overrule(self, values: dict[str, float]) -> None:
        """Set values as a parameter file does.

        Raises:
            KeyError: there is no parameter of that name.
        """
        for name, value in values.items():
            if name not in self._types:
                raise KeyError(name)
            self.put(name, value)
        self._saved.clear()

    def saved(self) -> list[tuple[str, float]]:
        """What was stored since the last call: ArduPilot tells every link."""
        saved, self._saved = self._saved, []
        return saved

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def type_of(self, name: str) -> int:
        """MAV_PARAM_TYPE of a parameter."""
        return self._types[name]

    def name_at(self, index: int) -> str | None:
        """Name at an index of the list, None beyond it."""
        return self._names[index] if 0 <= index < len(self._names) else None

    def put(self, name: str, value: float) -> float:
        """Store a value as its type keeps it, and give it back."""
        if self._types[name] != REAL32:
            value = float(math.floor(value + 0.5))
        value = f32(value)
        if value != self._values[name]:
            self._values[name] = value
            self._saved.append((name, value))
        return value
