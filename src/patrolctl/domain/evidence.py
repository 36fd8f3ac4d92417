"""Who was reached, as told by tracks and playbacks, never by the plan."""

from dataclasses import dataclass
from datetime import datetime

from patrolctl.domain.ids import ReceiverId, RunId, VehicleId


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where a vehicle was. ``up_m`` is height above its home."""

    ts_utc: datetime
    vehicle_id: VehicleId
    lat_deg: float
    lon_deg: float
    up_m: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class ReceiverEvidence:
    """What one receiver got: the best whole message it could hear."""

    id: ReceiverId
    building_id: str | None
    household: str | None
    floor: int | None
    reached: bool
    sti: float | None
    level_db: float | None
    messages: int
    planned: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BuildingEvidence:
    """Counts of one building (``building_id`` None: outdoors)."""

    building_id: str | None
    receivers: int
    reached: int
    households: int
    households_reached: int


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """A run in numbers."""

    receivers: int
    reachable: int
    reached: int
    households: int
    households_reached: int
    playbacks: int
    playbacks_complete: int
    loops_completed: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proof of one run."""

    run_id: RunId
    plan_id: str
    created_utc: datetime
    summary: EvidenceSummary
    buildings: tuple[BuildingEvidence, ...]
    receivers: tuple[ReceiverEvidence, ...]
    notes: tuple[str, ...] = ()
