"""What one simulated vehicle is."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much fits into 16 KiB of storage (StorageManager.cpp layout)."""

    mission_items: int
    fence_items: int
    fence_bytes: int
    rally_points: int


CAPACITY = {
    "copter": Capacity(650, 70, 560, 46),
    "rover": Capacity(655, 84, 672, 50),
}
DEFAULT_ENDURANCE_S = {"copter": 1500.0, "rover": 4 * 3600.0}


@dataclass(frozen=True, slots=True)
class VehicleConfig:
    """One vehicle.

    ``ready_scale`` shortens the boot of 23 s to the pre-arm bit and 42 s to a
    position: 1 as ArduPilot takes, 0 ready at once. ``start_utc_s`` is the
    Unix time of simulated second 0. ``param_overrides`` are set before boot.
    ``battery_s`` is the hover (copter) or drive (rover) time of a battery.
    ``wind`` is (speed m/s, bearing it blows towards in degrees).
    """

    kind: str = "copter"
    sysid: int = 1
    lat_deg: float = 34.2044
    lon_deg: float = 117.2857
    amsl_m: float = 30.0
    heading_deg: float = 0.0
    seed: int = 0
    uid: int | None = None
    battery_s: float | None = None
    ready_scale: float = 1.0
    start_utc_s: float = 1_767_225_600.0
    signing_key: bytes | None = None
    tick_s: float = 0.1
    wind: tuple[float, float] = (0.0, 0.0)
    param_overrides: dict[str, float] = field(default_factory=dict)

    @property
    def endurance_s(self) -> float:
        """Battery time, given or the kind's default."""
        return self.battery_s or DEFAULT_ENDURANCE_S[self.kind]

    @property
    def uid64(self) -> int:
        """AUTOPILOT_VERSION.uid: given, or one of its own from kind and sysid."""
        if self.uid is not None:
            return self.uid
        return int.from_bytes(self._hash()[:7], "big")

    @property
    def uid2(self) -> bytes:
        """AUTOPILOT_VERSION.uid2: 17 characters and a zero, as SITL's."""
        return self._hash().hex()[:17].encode() + b"\0"

    def _hash(self) -> bytes:
        name = f"{self.kind}-{self.sysid}-{self.uid}"
        return hashlib.sha256(name.encode()).digest()
