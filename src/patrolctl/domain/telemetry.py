"""Samples and facts that come from vehicles."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import LinkState, VehicleKind


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The latest of everything, one vehicle. None: not heard yet.

    ``seq`` is the mission step (see MissionStep.seq) being executed and
    ``mission_active`` whether the autopilot is executing its mission now.
    ``purpose`` is what its mode serves: ``mission``, ``hold``, ``return``,
    ``land``, ``arm``; None: none of these, or not heard yet.
    """

    vehicle_id: VehicleId
    kind: VehicleKind
    ts_utc: datetime
    link: LinkState
    link_quality_ratio: float | None = None
    mode: str | None = None
    armed: bool | None = None
    on_ground: bool | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    amsl_m: float | None = None
    up_m: float | None = None
    heading_deg: float | None = None
    ground_speed_m_s: float | None = None
    climb_m_s: float | None = None
    battery_ratio: float | None = None
    battery_v: float | None = None
    satellites: int | None = None
    position_ok: bool | None = None
    ready_to_arm: bool | None = None
    wind_m_s: float | None = None
    wind_from_deg: float | None = None
    seq: int | None = None
    mission_active: bool | None = None
    failsafe: str | None = None
    purpose: str | None = None


class EventKind(StrEnum):
    """Facts about a vehicle."""

    LINK = "link"
    MODE = "mode"
    ARMED = "armed"
    DISARMED = "disarmed"
    UPLOADED = "uploaded"
    STARTED = "started"
    STEP = "step"
    DWELL_STARTED = "dwell_started"
    DWELL_ENDED = "dwell_ended"
    FINISHED = "finished"
    LANDED = "landed"
    HELD = "held"
    RESUMED = "resumed"
    RETURNING = "returning"
    FAILSAFE = "failsafe"
    FENCE = "fence"
    STALLED = "stalled"
    BATTERY = "battery"
    REBOOTED = "rebooted"
    HOME_MOVED = "home_moved"
    MISSION_CHANGED = "mission_changed"
    IMPOSTOR = "impostor"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class VehicleEvent:
    """One fact. Never dropped; ``id`` is unique and stored before shown.

    ``seq`` is the mission step it belongs to. ``text`` is for people; what
    came from the vehicle is hostile text and stays plain.
    """

    id: str
    ts_utc: datetime
    vehicle_id: VehicleId
    kind: EventKind
    text: str = ""
    seq: int | None = None
    severity: int = 6
